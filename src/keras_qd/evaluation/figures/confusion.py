"""Which class is taken for which."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from keras_qd.evaluation.figures.labels import words

Array = NDArray[Any]


def confusion_figure(counts: Array, field: str) -> Figure:
    """Draw a confusion matrix, the number in every cell.

    Parameters
    ----------
    counts : ndarray of int, shape (classes, classes)
        How many samples of the class of the row were taken for that of the column.
    field : str
        Name of the field.

    Returns
    -------
    matplotlib.figure.Figure
        The colour is the share of the row, so that rare classes show as well as frequent ones.
    """
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
