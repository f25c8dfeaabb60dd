"""The figure of ``keras-qd inspect``: samples of a data set, and histograms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from keras_qd._files import replacing
from keras_qd.data.fields import Field
from keras_qd.data.store.store import Store
from keras_qd.data.store.summary import field_histogram, shown_units
from keras_qd.errors import StoreError, UsageError
from keras_qd.report.figures.samples import N_SHOWN, Samples, samples_figure, spread_over
from keras_qd.report.figures.style import figure_style

_FORMATS = (".png", ".pdf", ".svg")


def draw_sheet(store: Store, path: Path) -> None:
    """Draw the first samples of a store, and histograms of its numbers and densities."""
    check_format(path)
    first = {name: store.read_shard(0, name) for name in store.fields}
    finished = range(min(map(len, first.values())))
    shown = [number for number in finished if number not in store.refusals][:N_SHOWN]
    if not shown:
        raise StoreError(
            f"none of the first {len(finished)} samples of {store.path} has a solution to draw"
            if finished
            else f"{store.path} has no finished samples to draw yet"
        )
    values = {name: each[shown] for name, each in first.items()}
    histogram = partial(field_histogram, store)
    _draw(Samples(store.fields, values, histogram, shown_units(store)), path)


def draw_split(fields: Mapping[str, Field], split: Mapping[str, Any], path: Path) -> None:
    """Draw samples of a split of any data set, which may be sorted by class, and histograms."""
    check_format(path)
    rows = spread_over(len(next(iter(split.values()))))

    def histogram(name: str) -> tuple[np.ndarray, np.ndarray]:
        limits = None if fields[name].shape else fields[name].limits
        bins = 40 if limits is None else np.arange(limits[0], limits[1] + 2) - 0.5
        return np.histogram(np.asarray(split[name]), bins)

    values = {name: np.asarray(split[name][rows]) for name in fields}
    _draw(Samples(fields, values, histogram), path)


def check_format(path: Path) -> None:
    """Raise unless a figure can be written in the format of its name."""
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"{path} must end in one of {', '.join(_FORMATS)}")


def _draw(samples: Samples, path: Path) -> None:
    with figure_style(), replacing(path) as temporary:
        samples_figure(samples).savefig(temporary, dpi=160)
