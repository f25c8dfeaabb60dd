"""Systems in one dimension: profiles drawn as curves over the coordinate."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from numpy.typing import NDArray

from keras_qd.evaluation.examples import Example
from keras_qd.evaluation.figures.labels import Labels

Array = NDArray[Any]


def draw_profiles(part: SubFigure, example: Example, target: str, labels: Labels) -> None:
    """Draw one system in one dimension: inputs, exact and predicted field in one panel, difference.

    Parameters
    ----------
    part : matplotlib.figure.SubFigure
        Where to draw.
    example : Example
        The system.
    target : str
        The target field to draw.
    labels : Labels
        Units and the box.
    """
    exact, predicted = example.reference[target], example.prediction[target]
    inputs = {name: values for name, values in example.inputs.items() if values.ndim == 1}
    panels = part.subplots(1, len(inputs) + 2, squeeze=False)[0]
    for panel, (name, values) in zip(panels, inputs.items(), strict=False):
        _curve(panel, values, labels)
        panel.set_title(labels.field(name))
    _curve(panels[-2], exact, labels, label="exact")
    _curve(panels[-2], predicted, labels, label="predicted", linestyle="--")
    panels[-2].set_title(labels.field(target))
    panels[-2].legend()
    panels[-1].axhline(0, color=panels[-1].spines["left"].get_edgecolor(), linewidth=0.6)
    _curve(panels[-1], predicted - exact, labels)
    panels[-1].set_title("predicted − exact")
    for panel in panels:
        panel.set_xlabel(labels.axis("x"))


def _curve(panel: Axes, values: Array, labels: Labels, **style: Any) -> None:
    """Draw a profile over its interior nodes x_i = i L / (n + 1)."""
    nodes = np.arange(1, len(values) + 1)
    x = nodes if labels.length is None else nodes * labels.length / (len(values) + 1)
    panel.plot(x, values, **style)
    panel.margins(x=0)
