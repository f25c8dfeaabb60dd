"""The figure of ``keras-qd inspect``: samples of a data set, and histograms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

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


class _Contents(NamedTuple):
    """What is drawn: fields, some samples of each, histograms by name, and units with factors."""

    fields: Mapping[str, Field]
    samples: Mapping[str, np.ndarray]
    histogram: Callable[[str], tuple[np.ndarray, np.ndarray]]
    units: Mapping[str, tuple[float, str]]


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
    samples = {name: values[shown] for name, values in first.items()}
    histogram = partial(field_histogram, store)
    _draw(_Contents(store.fields, samples, histogram, shown_units(store)), path)


def draw_split(fields: Mapping[str, Field], split: Mapping[str, Any], path: Path) -> None:
    """Draw samples of a split of any data set, which may be sorted by class, and histograms."""
    check_format(path)
    n_samples = len(next(iter(split.values())))
    rows = np.linspace(0, n_samples - 1, min(n_samples, N_SHOWN)).astype(int)
    samples = {name: np.asarray(split[name][rows]) for name in fields}
    units = {name: (1.0, field.unit) for name, field in fields.items()}

    def histogram(name: str) -> tuple[np.ndarray, np.ndarray]:
        limits = None if fields[name].shape else fields[name].limits
        bins = 40 if limits is None else np.arange(limits[0], limits[1] + 2) - 0.5
        return np.histogram(np.asarray(split[name]), bins)

    _draw(_Contents(fields, samples, histogram, units), path)


def check_format(path: Path) -> None:
    """Raise unless a figure can be written in the format of its name."""
    if path.suffix.lower() not in _FORMATS:
        raise UsageError(f"{path} must end in one of {', '.join(_FORMATS)}")


def _draw(contents: _Contents, path: Path) -> None:
    with figure_style(), replacing(path) as temporary:
        _sheet(contents).savefig(temporary, dpi=160)


def _sheet(contents: _Contents) -> Figure:
    fields, units = contents.fields, contents.units
    drawn = [name for name, field in fields.items() if _is_drawn(field)]
    counted = [name for name, field in fields.items() if _is_counted(name, field)]
    histograms = [counted[start : start + N_SHOWN] for start in range(0, len(counted), N_SHOWN)]
    n_rows = len(drawn) + len(histograms)
    if not n_rows:
        raise UsageError("the data set has no field that can be drawn; leave out --figure")
    figure = Figure(figsize=(_SIDE * N_SHOWN, _SIDE * 1.15 * n_rows), layout="constrained")
    parts = figure.subfigures(n_rows, 1, squeeze=False)[:, 0]
    for part, name in zip(parts, drawn, strict=False):
        _draw_row(part, name, fields[name], contents.samples[name], *units[name])
    for part, names in zip(parts[len(drawn) :], histograms, strict=True):
        panels = part.subplots(1, len(names), squeeze=False)[0]
        for panel, name in zip(panels, names, strict=True):
            panel.set_yscale("log" if fields[name].shape else "linear")
            _draw_histogram(panel, name, *contents.histogram(name), *units[name])
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


def _draw_histogram(
    panel: Axes, name: str, counts: np.ndarray, edges: np.ndarray, factor: float, unit: str
) -> None:
    """Draw a histogram, for fields on a logarithmic scale since most values are near zero."""
    panel.bar(factor * edges[:-1], counts, factor * np.diff(edges), align="edge")
    panel.set_xlabel(_title(name, unit))
    panel.locator_params(axis="x", nbins=4)
    if panel.get_yscale() == "linear":
        panel.set_yticks([])


def _title(name: str, unit: str) -> str:
    return with_unit(name.replace("_", " "), unit)
