"""How the errors of a set are distributed, and how predicted values lie against exact ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import UsageError
from keras_qd.evaluation.figures.labels import Labels, words
from keras_qd.evaluation.figures.style import with_unit
from keras_qd.evaluation.parity import Parity


def errors_figure(values: ArrayLike, parity: Parity, labels: Labels) -> Figure:
    """Draw the histogram of the systems' errors, and predicted against exact values.

    Parameters
    ----------
    values : array_like, shape (n,)
        One number a system: ``labels.measure`` in ``labels.measure_unit``.
    parity : Parity
        The histogram of predicted against exact values.
    labels : Labels
        Units.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UsageError
        If there is no system with a value.
    """
    values = np.asarray(values, dtype=np.float64)
    known = values[np.isfinite(values)]
    if not known.size:
        raise UsageError("there are no systems to draw the errors of")
    figure = Figure(figsize=(8.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    _histogram(left, known, labels)
    figure.colorbar(_parity(right, parity), ax=right, label="number of values")
    unit = labels.units.get(parity.field, "")
    right.set_xlabel(with_unit(f"exact {words(parity.field)}", unit))
    right.set_ylabel(with_unit(f"predicted {words(parity.field)}", unit))
    return figure


def _histogram(panel: Axes, values: NDArray[Any], labels: Labels) -> None:
    """Draw how many systems have which error; mark the median and the 95th percentile."""
    panel.hist(values, bins=min(50, max(10, values.size // 10)), color="C0")
    for share, style, name in ((0.5, "-", "median"), (0.95, "--", "95th percentile")):
        place = np.quantile(values, share)
        panel.axvline(place, color="C1", linestyle=style, label=name, linewidth=1.2)
    panel.set_title("error of each system")
    panel.set_xlabel(with_unit(labels.measure, labels.measure_unit))
    panel.set_ylabel("number of systems")
    panel.margins(x=0)
    panel.locator_params(axis="x", nbins=6)
    panel.legend()


def _parity(panel: Axes, parity: Parity) -> Any:
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
