"""Figure of samples of a data set: a row for each field, and histograms; drawn or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from keras_qd._files import replacing
from keras_qd.data.fields import Field
from keras_qd.data.store.store import Store
from keras_qd.data.store.summary import field_histogram, shown_units
from keras_qd.errors import StoreError, UsageError
from keras_qd.report.figures.style import field_colours, figure_style, with_unit, words

#: Samples in a row by default, and histograms in a row.
N_SHOWN = 6
_SIDE = 1.9

Histogram = Callable[[str], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Samples:
    """What is drawn: fields, samples of each, histograms by name, units by factor and name."""

    fields: Mapping[str, Field]
    values: Mapping[str, np.ndarray]
    histogram: Histogram | None = None
    units: Mapping[str, tuple[float, str]] = field(default_factory=dict)

    @property
    def drawn(self) -> list[str]:
        """Names of the curves, maps and images; not of vectors of named numbers."""
        return [name for name, each in self.fields.items() if _is_drawn(each)]

    @property
    def counted(self) -> list[str]:
        """Names of single numbers and densities, where a histogram of all values is informative."""
        if self.histogram is None:
            return []
        return [
            name
            for name, each in self.fields.items()
            if not each.shape or (_is_drawn(each) and name.startswith("density"))
        ]

    def unit(self, name: str) -> tuple[float, str]:
        """Return the factor to the unit of a field, and that unit."""
        return self.units.get(name, (1.0, self.fields[name].unit))


def spread_over(n_samples: int, n_shown: int = N_SHOWN) -> np.ndarray:
    """Return indices spread over a split, which may be sorted."""
    return np.linspace(0, n_samples - 1, min(n_samples, n_shown)).astype(int)


def samples_figure(samples: Samples) -> Figure:
    """Draw a row of samples for each field, and rows of histograms."""
    drawn, counted = samples.drawn, samples.counted
    histograms = [counted[start : start + N_SHOWN] for start in range(0, len(counted), N_SHOWN)]
    n_rows = len(drawn) + len(histograms)
    if not n_rows:
        raise UsageError("the data set has no maps, profiles or images to draw")
    n_columns = max([N_SHOWN if counted else 1, *(len(samples.values[name]) for name in drawn)])
    figure = Figure(figsize=(_SIDE * n_columns, _SIDE * 1.15 * n_rows), layout="constrained")
    parts = figure.subfigures(n_rows, 1, squeeze=False)[:, 0]
    for part, name in zip(parts, drawn, strict=False):
        _draw_row(part, name, samples)
    for part, names in zip(parts[len(drawn) :], histograms, strict=True):
        panels = part.subplots(1, len(names), squeeze=False)[0]
        for panel, name in zip(panels, names, strict=True):
            _draw_histogram(panel, name, samples)
    return figure


def _is_drawn(each: Field) -> bool:
    """Whether a field is a curve, a map or an image, not a vector of named numbers."""
    is_image = len(each.shape) == 3 and each.shape[2] in (1, 3)
    return (len(each.shape) in (1, 2) or is_image) and not each.labels


def _draw_row(part: SubFigure, name: str, samples: Samples) -> None:
    """Draw samples of one field on one scale."""
    limits, values = samples.fields[name].limits, samples.values[name]
    factor, unit = samples.unit(name)
    part.suptitle(with_unit(words(name), unit), x=0.01, ha="left")
    # Where a range is known, integers are grey or colour levels.
    values = values * factor if limits is None else values / limits[1]
    panels = part.subplots(1, len(values), squeeze=False)[0]
    for panel, value in zip(panels, values, strict=True):
        if value.ndim == 1:
            panel.plot(value)
            panel.set_ylim(float(values.min()), float(values.max()))
        elif limits is None and value.ndim == 2:
            panel.imshow(value, origin="lower", **field_colours(values))
        else:
            grey = value[..., 0] if value.shape[2:] == (1,) else value
            panel.imshow(np.clip(grey, 0, 1), cmap="gray", vmin=0, vmax=1)
        panel.set_xticks([])
        panel.set_yticks([])


def _draw_histogram(panel: Axes, name: str, samples: Samples) -> None:
    """Draw a histogram, for fields on a logarithmic scale since most values are near zero."""
    if samples.histogram is None:
        return
    counts, edges = samples.histogram(name)
    factor, unit = samples.unit(name)
    panel.set_yscale("log" if samples.fields[name].shape else "linear")
    panel.bar(factor * edges[:-1], counts, factor * np.diff(edges), align="edge")
    panel.set_xlabel(with_unit(words(name), unit))
    panel.locator_params(axis="x", nbins=4)
    if panel.get_yscale() == "linear":
        panel.set_yticks([])


#: Suffixes of the files that figures are written to.
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
