"""The figure of ``keras-qd inspect``: samples of a stored data set, and histograms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from keras_qd._files import replacing
from keras_qd.data.fields import Field
from keras_qd.data.store.store import Store
from keras_qd.data.store.summary import field_histogram, shown_units
from keras_qd.errors import StoreError, UsageError
from keras_qd.report.figures.style import field_colours, figure_style, with_unit

#: Samples in a row.
N_SHOWN = 6
_FORMATS = (".png", ".pdf", ".svg")
_SIDE = 1.9


def draw_sheet(store: Store, path: Path) -> None:
    """Draw the first samples of a store, and histograms of its numbers and densities."""
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"{path} must end in one of {', '.join(_FORMATS)}")
    first = {name: store.read_shard(0, name) for name in store.fields}
    finished = range(min(map(len, first.values())))
    shown = [number for number in finished if number not in store.refusals][:N_SHOWN]
    if not shown:
        raise StoreError(
            f"none of the first {len(finished)} samples of {store.path} has a solution to draw"
            if finished
            else f"{store.path} has no finished samples to draw yet"
        )
    samples = {name: values[shown] for name, values in first.items()}
    with figure_style(), replacing(path) as temporary:
        _sheet(store, samples).savefig(temporary, dpi=160)


def _sheet(store: Store, samples: dict[str, np.ndarray]) -> Figure:
    drawn = [name for name, field in store.fields.items() if _is_drawn(field)]
    counted = [name for name, field in store.fields.items() if _is_counted(name, field)]
    histograms = [counted[start : start + N_SHOWN] for start in range(0, len(counted), N_SHOWN)]
    n_rows = len(drawn) + len(histograms)
    if not n_rows:
        raise UsageError(f"{store.location} has no field that can be drawn; leave out --figure")
    units = shown_units(store)
    figure = Figure(figsize=(_SIDE * N_SHOWN, _SIDE * 1.15 * n_rows), layout="constrained")
    parts = figure.subfigures(n_rows, 1, squeeze=False)[:, 0]
    for part, name in zip(parts, drawn, strict=False):
        _draw_row(part, name, store.fields[name], samples[name], *units[name])
    for part, names in zip(parts[len(drawn) :], histograms, strict=True):
        panels = part.subplots(1, len(names), squeeze=False)[0]
        for panel, name in zip(panels, names, strict=True):
            _draw_histogram(panel, store, name, *units[name])
    return figure


def _is_drawn(field: Field) -> bool:
    """Whether a field is a curve, a map or an image, not a vector of named numbers."""
    in_colour = len(field.shape) == 3 and field.shape[2] == 3
    return (len(field.shape) in (1, 2) or in_colour) and not field.labels


def _is_counted(name: str, field: Field) -> bool:
    """Whether a histogram of all values is informative: for single numbers and densities."""
    return not field.shape or (_is_drawn(field) and name.startswith("density"))


def _draw_row(
    part: SubFigure, name: str, field: Field, samples: np.ndarray, factor: float, unit: str
) -> None:
    """Draw samples of one field on one scale."""
    part.suptitle(_title(name, unit), x=0.01, ha="left")
    panels = part.subplots(1, len(samples), squeeze=False)[0]
    # Where a range is known, integers are grey or colour levels.
    samples = samples * factor if field.limits is None else samples / field.limits[1]
    for panel, values in zip(panels, samples, strict=True):
        if len(field.shape) == 1:
            panel.plot(values)
            panel.set_ylim(float(samples.min()), float(samples.max()))
        elif field.limits is not None:
            panel.imshow(values, cmap="gray", vmin=0, vmax=1)
        else:
            panel.imshow(values, origin="lower", **field_colours(samples))
        panel.set_xticks([])
        panel.set_yticks([])


def _draw_histogram(panel: Axes, store: Store, name: str, factor: float, unit: str) -> None:
    """Draw a histogram, for fields on a logarithmic scale since most values are near zero."""
    counts, edges = field_histogram(store, name)
    panel.bar(factor * edges[:-1], counts, factor * np.diff(edges), align="edge")
    panel.set_xlabel(_title(name, unit))
    panel.locator_params(axis="x", nbins=4)
    if store.fields[name].shape:
        panel.set_yscale("log")
    else:
        panel.set_yticks([])


def _title(name: str, unit: str) -> str:
    return with_unit(name.replace("_", " "), unit)
