"""The error of predictions over the error that their spread lets one expect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_qd.evaluation.figures.labels import Labels, words
from keras_qd.evaluation.figures.style import with_unit


def reliability_figure(field: str, found: Mapping[str, Any], labels: Labels) -> Figure:
    """Draw error over expected error, and how much of the errors so many spreads cover.

    Parameters
    ----------
    field : str
        Name of the target field.
    found : mapping
        What :func:`~keras_qd.evaluation.uncertainty.calibration.calibrate` found.
    labels : Labels
        Units.

    Returns
    -------
    matplotlib.figure.Figure
        Groups of systems and of single values by expected error; a calibrated spread lies on the
        line of equality.
    """
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
