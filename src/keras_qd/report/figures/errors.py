"""Figures of errors: histograms, predicted against exact, confusion matrix, reliability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import UsageError
from keras_qd.evaluation.figure_data import Parity
from keras_qd.evaluation.scores import divide
from keras_qd.report.figures.style import Labels, with_unit, words

Array = NDArray[Any]


def confusion_figure(counts: Array, field: str) -> Figure:
    """Draw a confusion matrix, the number in every cell."""
    n_classes = len(counts)
    side = max(3.6, 0.42 * n_classes)
    figure = Figure(figsize=(side + 1.0, side), layout="constrained")
    panel = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = panel.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    for row, column in np.ndindex(counts.shape):
        if counts[row, column]:
            panel.text(
                column,
                row,
                str(counts[row, column]),
                ha="center",
                va="center",
                fontsize=8,
                # Of the cells, not of the page, so the same on light and on dark ground.
                color="#ffffff" if shares[row, column] > 0.5 else "#24292f",
            )
    panel.set_xticks(range(n_classes))
    panel.set_yticks(range(n_classes))
    panel.tick_params(length=0)
    panel.set_xlabel(f"predicted {words(field)}")
    panel.set_ylabel(f"exact {words(field)}")
    panel.spines[:].set_visible(False)
    figure.colorbar(image, ax=panel, label="share of the exact class", fraction=0.046)
    return figure


_N_COLUMNS = 3
_MOST_GROUPS, _SYSTEMS_A_GROUP = 10, 10
#: Points are drawn as an image where there are more: a vector file of all would be large.
_MOST_VECTOR_POINTS = 500


def dependence_figure(values: Array, numbers: Mapping[str, Array], labels: Labels) -> Figure:
    """Draw the error of each system over other numbers of it, one panel each."""
    if not numbers:
        raise UsageError("the systems have no numbers against which to draw the error")
    n_columns = min(_N_COLUMNS, len(numbers))
    n_rows = -(-len(numbers) // n_columns)
    figure = Figure(figsize=(3.1 * n_columns, 2.4 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True)
    for panel, (name, number) in zip(panels.flat, numbers.items(), strict=False):
        _draw(panel, number, values)
        panel.set_xlabel(labels.field(name))
    for panel in panels.flat[len(numbers) :]:
        panel.set_visible(False)
    for panel in panels[:, 0]:
        panel.set_ylabel(with_unit(labels.measure, labels.measure_unit))
    return figure


def _draw(panel: Axes, number: Array, values: Array) -> None:
    rasterized = len(values) > _MOST_VECTOR_POINTS
    panel.plot(number, values, ".", markersize=3, alpha=0.5, color="C0", rasterized=rasterized)
    groups = divide(number, max(2, min(_MOST_GROUPS, len(number) // _SYSTEMS_A_GROUP)))
    centres = [np.median(number[rows]) for rows in groups]
    panel.plot(centres, [np.nanmedian(values[rows]) for rows in groups], "o-", color="C1", ms=4)
    panel.grid(visible=True)
    if number.min() > 0 and number.max() > 100 * number.min():
        panel.set_xscale("log")


def errors_figure(values: ArrayLike, parity: Parity, labels: Labels) -> Figure:
    """Draw the histogram of the systems' errors, and predicted against exact values."""
    values = np.asarray(values, dtype=np.float64)
    known = values[np.isfinite(values)]
    if not known.size:
        raise UsageError("there are no systems to draw the errors of")
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _histogram(left, known, labels)
    figure.colorbar(draw_parity(right, parity), ax=right, label="number of values")
    unit = labels.units.get(parity.field, "")
    right.set_xlabel(with_unit(f"exact {words(parity.field)}", unit))
    right.set_ylabel(with_unit(f"predicted {words(parity.field)}", unit))
    return figure


def _histogram(panel: Axes, values: NDArray[Any], labels: Labels) -> None:
    """Draw how many systems have which error; mark the median and the 95th percentile."""
    panel.hist(values, bins=min(50, max(10, values.size // 10)), color="C0")
    for share, style, name in ((0.5, "-", "median"), (0.95, "--", "95th percentile")):
        position = np.quantile(values, share)
        panel.axvline(position, color="C1", linestyle=style, label=name, linewidth=1.2)
    panel.set_title("error of each system")
    panel.set_xlabel(with_unit(labels.measure, labels.measure_unit))
    panel.set_ylabel("number of systems")
    panel.margins(x=0)
    panel.locator_params(axis="x", nbins=6)
    panel.legend()


def draw_parity(panel: Axes, parity: Parity) -> Any:
    """Draw the counts of (exact, predicted), with the line of equality."""
    low, high = parity.edges[0], parity.edges[-1]
    counts = np.ma.masked_equal(parity.counts.T, 0)
    image = panel.imshow(
        counts,
        origin="lower",
        extent=(low, high, low, high),
        interpolation="nearest",
        norm=LogNorm(1, max(2, parity.counts.max())),
        cmap="viridis",
    )
    panel.plot((low, high), (low, high), color="C1", linewidth=0.8)
    panel.set_title("predicted against exact, value by value")
    return image


def reliability_figure(field: str, found: Mapping[str, Any], labels: Labels) -> Figure:
    """Draw error over expected error, and how much of the errors so many spreads cover."""
    figure = Figure(figsize=(7.4, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    points: list[float] = []
    for kind, colour, title in (("values", "C0", "single values"), ("systems", "C1", "systems")):
        groups = [(each["expected"], each["error"]) for each in found[kind]["reliability"]]
        points.extend(number for group in groups for number in group if number > 0)
        left.plot(*zip(*groups, strict=True), "o-", color=colour, ms=4, label=title)
    unit = labels.units.get(field, "")
    left.set_title(f"error of the {words(field)}, root mean square")
    left.set_xlabel(with_unit("expected from the spread", unit))
    left.set_ylabel(with_unit("found", unit))
    left.legend()
    if points:
        left.set_xscale("log")
        left.set_yscale("log")
        left.plot(*2 * ([min(points), max(points)],), color="C2", lw=0.8)
    _draw_coverage(right, found["coverage"])
    return figure


def _draw_coverage(panel: Axes, coverage: Mapping[str, float]) -> None:
    """Draw the share of values covered over the share that a normal distribution would have."""
    expected = [float(share) for share in coverage]
    panel.plot(expected, list(coverage.values()), "o-", color="C0", ms=4)
    panel.plot((0, 1), (0, 1), color="C2", lw=0.8)
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1.02)
    panel.set_title("values within so many spreads")
    panel.set_xlabel("share expected of a normal distribution")
    panel.set_ylabel("share found")
