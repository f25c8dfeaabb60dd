"""A sheet of samples of a stored data set, with histograms of its numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_qd.data import Field, Store
from keras_qd.errors import StoreError, UsageError
from keras_qd.evaluation.figures.colours import field_colours
from keras_qd.evaluation.figures.style import drawing, with_unit
from keras_qd.files import replacing

#: Samples in a row.
N_SHOWN = 6
_FORMATS = (".png", ".pdf", ".svg")
_SIDE = 1.9


def draw_sheet(store: Store, path: Path) -> None:
    """Draw the first samples of a store, a row a field, and histograms of its single numbers.

    Parameters
    ----------
    store : Store
    path : Path
        Where to, by its suffix as PNG, PDF or SVG.

    Raises
    ------
    UsageError
        If the suffix is another one.
    StoreError
        If the first shard of the store is not finished.
    """
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"{path} must end in one of {', '.join(_FORMATS)}")
    samples = {name: store.read_shard(0, name)[:N_SHOWN] for name in store.fields}
    if not min(map(len, samples.values())):
        raise StoreError(f"{store.path} has no finished samples to draw yet")
    with drawing(), replacing(path) as temporary:
        _sheet(store, samples).savefig(temporary, dpi=160)


def _sheet(store: Store, samples: dict[str, np.ndarray]) -> Figure:
    spread = [name for name, field in store.fields.items() if len(field.shape) in (1, 2)]
    numbers = [name for name, field in store.fields.items() if not field.shape]
    n_rows = len(spread) + bool(numbers)
    figure = Figure(figsize=(_SIDE * N_SHOWN, _SIDE * 1.15 * n_rows), layout="constrained")
    parts = figure.subfigures(n_rows, 1, squeeze=False)[:, 0]
    for part, name in zip(parts, spread, strict=False):
        part.suptitle(_title(name, store.fields[name]), x=0.01, ha="left")
        panels = part.subplots(1, len(samples[name]), squeeze=False)[0]
        for number, panel in enumerate(panels):
            _draw_sample(panel, samples[name][number], samples[name])
    if numbers:
        panels = parts[-1].subplots(1, len(numbers), squeeze=False)[0]
        for panel, name in zip(panels, numbers, strict=True):
            _draw_histogram(panel, store, name)
    return figure


def _draw_sample(panel: Axes, values: np.ndarray, row: np.ndarray) -> None:
    """Draw one sample on the scale of its row."""
    if values.ndim == 1:
        panel.plot(values)
        panel.set_ylim(float(row.min()), float(row.max()))
    else:
        panel.imshow(values, origin="lower", **field_colours(row))
    panel.set_xticks([])
    panel.set_yticks([])


def _draw_histogram(panel: Axes, store: Store, name: str) -> None:
    finished = [
        store.read_shard(number, name)
        for number, entry in enumerate(store.entries())
        if entry.count
    ]
    panel.hist(np.concatenate(finished), bins=40)
    panel.set_xlabel(_title(name, store.fields[name]))
    panel.set_yticks([])


def _title(name: str, field: Field) -> str:
    return with_unit(name.replace("_", " "), field.unit)
