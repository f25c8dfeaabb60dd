"""How the error depends on other numbers of a system, such as its energy and its gap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.evaluation.figures.labels import Labels
from keras_qd.evaluation.figures.style import with_unit
from keras_qd.evaluation.grouping import divide

Array = NDArray[Any]

_N_COLUMNS = 3
_MOST_GROUPS, _SYSTEMS_A_GROUP = 10, 10
#: Points are drawn as an image where there are more: a vector file of all would be large.
_MOST_VECTOR_POINTS = 500


def dependence_figure(values: Array, numbers: Mapping[str, Array], labels: Labels) -> Figure:
    """Draw the error of each system over other numbers of it, one panel each.

    Parameters
    ----------
    values : ndarray, shape (n,)
        The error of each system: ``labels.measure`` in ``labels.measure_unit``.
    numbers : mapping of str to ndarray, shape (n,)
        The other numbers, by name.
    labels : Labels
        Units.

    Returns
    -------
    matplotlib.figure.Figure
        A point a system, and a line through the medians of groups of about equal size.

    Raises
    ------
    UsageError
        If there are no other numbers.
    """
    if not numbers:
        raise UsageError("there are no numbers of the systems to draw the error over")
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
