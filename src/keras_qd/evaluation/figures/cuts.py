"""Line cuts: exact and predicted values along two lines through the peak of a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.evaluation.examples import Example
from keras_qd.evaluation.figures.labels import Labels
from keras_qd.evaluation.figures.style import pretty

Array = NDArray[Any]

#: Inches taken by one panel.
_WIDTH, _HEIGHT = 3.3, 2.15


def cuts_figure(examples: Sequence[Example], target: str, labels: Labels) -> Figure:
    """Draw each system's exact and predicted map along x and along y through its peak.

    Parameters
    ----------
    examples : sequence of Example
        The systems, a column each.
    target : str
        The target field, a map (ny, nx).
    labels : Labels
        Units and the box.

    Returns
    -------
    matplotlib.figure.Figure
        The peak is where the exact map is largest in magnitude. All panels share the axis of
        values.

    Raises
    ------
    UsageError
        If there is no system, or the field is no map.
    """
    if not examples or any(example.reference[target].ndim != 2 for example in examples):
        raise UsageError("only maps (ny, nx) can be cut")
    figure = Figure(figsize=(_WIDTH * len(examples), 2 * _HEIGHT), layout="constrained")
    panels = figure.subplots(2, len(examples), squeeze=False, sharey=True)
    for (along_x, along_y), example in zip(panels.T, examples, strict=True):
        exact, predicted = example.reference[target], example.prediction[target]
        row, column = peak(exact)
        _draw(along_x, exact[row], predicted[row], labels, ("x", "y", row, len(exact)))
        _draw(
            along_y,
            exact[:, column],
            predicted[:, column],
            labels,
            ("y", "x", column, exact.shape[1]),
        )
        headline = f"{example.label.capitalize()}: system {example.index}"
        along_x.set_title(f"{headline}\n{along_x.get_title(loc='left')}", loc="left")
    for panel in panels[:, 0]:
        panel.set_ylabel(labels.field(target))
    panels[0, 0].legend()
    return figure


def peak(field: Array) -> tuple[int, int]:
    """Return row and column of the largest value in magnitude.

    Examples
    --------
    >>> peak(np.array([[0.0, 1.0], [-2.0, 0.5]]))
    (1, 0)
    """
    row, column = np.unravel_index(np.argmax(np.abs(field)), field.shape)
    return int(row), int(column)


def _draw(
    panel: Axes, exact: Array, predicted: Array, labels: Labels, line: tuple[str, str, int, int]
) -> None:
    """Draw one cut; `line`: the axis along it, the other one, the pixel on that, its length."""
    along, across, pixel, n_across = line
    panel.plot(_centres(len(exact), labels), exact, label="exact", color="C0")
    panel.plot(_centres(len(predicted), labels), predicted, "--", label="predicted", color="C1")
    unit = "" if labels.length is None else f" {pretty(labels.length_unit)}"
    place = _centres(n_across, labels)[pixel]
    panel.set_title(f"along {along} at {across} = {place:.3g}{unit}", loc="left")
    panel.set_xlabel(labels.axis(along))
    panel.margins(x=0)
    panel.grid(visible=True)


def _centres(n_pixels: int, labels: Labels) -> Array:
    """Return the centres of the pixels, x_i = (i + 1/2) L / n."""
    centres = np.arange(n_pixels) + 0.5
    return centres if labels.length is None else centres * labels.length / n_pixels
