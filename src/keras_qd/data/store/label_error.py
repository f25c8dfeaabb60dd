"""How far the labels of a data set are from the exact ones, estimated from a few samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras_qd.data.recipes import Recipe
from keras_qd.data.store.place import Place
from keras_qd.data.store.store import ATTRIBUTE, Store, open_group
from keras_qd.errors import KerasQDError


def record_label_error(place: Place, recipe: Recipe) -> None:
    """Write the estimate into the attributes of a store, unless it is there.

    The first samples are judged, so that a longer data set keeps the estimate of a shorter one.

    Parameters
    ----------
    place : Place
        The store, its first samples finished. The caller holds the lock.
    recipe : Recipe
        What it holds.
    """
    store = Store(place)
    indices = range(min(recipe.n_checked, store.n_samples))
    if store.label_error is not None or not indices:
        return
    group = open_group(place, "r+")
    estimate = _estimate(recipe, indices)
    group.attrs[ATTRIBUTE] = {**group.attrs[ATTRIBUTE], "label_error": estimate}


def _estimate(recipe: Recipe, indices: range) -> dict[str, Any]:
    """Return median and largest error by field, or why there is no estimate."""
    try:
        errors = recipe.label_errors(indices)
    except KerasQDError as reason:
        return {"samples": 0, "reason": str(reason)}
    return {
        "samples": len(indices),
        **{
            name: {"median": float(np.median(np.abs(each))), "largest": float(np.abs(each).max())}
            for name, each in errors.items()
        },
    }
