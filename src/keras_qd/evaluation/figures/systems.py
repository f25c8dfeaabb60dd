"""Single systems: what went in, the exact field, the predicted one, and their difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.evaluation.examples import Example
from keras_qd.evaluation.figures.colours import difference_colours, field_colours
from keras_qd.evaluation.figures.labels import Labels, words
from keras_qd.evaluation.figures.profiles import draw_profiles

Array = NDArray[Any]
DrawRow = Callable[[SubFigure, Example, str, Labels], None]

#: Inches taken by one panel with its colour bar, and by one row.
_WIDTH, _HEIGHT = 2.5, 2.6


def drawable(example: Example) -> bool:
    """Return whether the target fields of a system are maps or profiles, which can be drawn."""
    return all(values.ndim in (1, 2) and values.size > 1 for values in example.reference.values())


def systems_figure(examples: Sequence[Example], labels: Labels) -> Figure:
    """Draw systems in rows: inputs, exact field, predicted field, difference.

    Parameters
    ----------
    examples : sequence of Example
        The systems, a row for each of their target fields. Maps (ny, nx) become images, profiles
        (points,) curves.
    labels : Labels
        Units and the box.

    Returns
    -------
    matplotlib.figure.Figure
        Exact and predicted values share one colour scale; the difference has its own, centred at
        zero.

    Raises
    ------
    UsageError
        If there is no system, or its fields are neither maps nor profiles.
    """
    if not examples or not all(drawable(example) for example in examples):
        raise UsageError("only maps (ny, nx) and profiles (points,) can be drawn")
    rows = [(example, target) for example in examples for target in example.reference]
    n_panels = 3 + len(map_inputs(examples[0]))
    figure = Figure(figsize=(_WIDTH * n_panels, _HEIGHT * len(rows)), layout="constrained")
    parts = figure.subfigures(len(rows), 1, squeeze=False)
    for part, (example, target) in zip(parts[:, 0], rows, strict=True):
        part.suptitle(labels.headline(example), x=0.01, ha="left", fontsize=9.5, weight="bold")
        draw: DrawRow = _draw_maps if example.reference[target].ndim == 2 else draw_profiles
        draw(part, example, target, labels)
    return figure


def map_inputs(example: Example) -> list[str]:
    """Return the names of the inputs that are maps or profiles and so can be drawn."""
    return [name for name, values in example.inputs.items() if values.ndim in (1, 2)]


def _draw_maps(part: SubFigure, example: Example, target: str, labels: Labels) -> None:
    """Draw one row of images into `part`."""
    exact, predicted = example.reference[target], example.prediction[target]
    inputs = map_inputs(example)
    axes = part.subplots(1, len(inputs) + 3, squeeze=False)[0]
    for panel, name in zip(axes, inputs, strict=False):
        values = example.inputs[name]
        image = _show(panel, values, words(name), field_colours(values), labels)
        _add_bar(part, image, panel, labels.unit(name))
    colours = field_colours(exact, predicted)
    _show(axes[-3], exact, f"{words(target)}, exact", colours, labels)
    image = _show(axes[-2], predicted, f"{words(target)}, predicted", colours, labels)
    _add_bar(part, image, axes[-2], labels.unit(target))
    difference = predicted - exact
    image = _show(axes[-1], difference, "predicted − exact", difference_colours(difference), labels)
    _add_bar(part, image, axes[-1], labels.unit(target))
    axes[0].set_ylabel(labels.axis("y"))
    for panel in axes[1:]:
        panel.tick_params(labelleft=False)


def _show(panel: Axes, values: Array, title: str, colours: dict[str, Any], labels: Labels) -> Any:
    """Draw one map with x to the right and y upwards."""
    ny, nx = values.shape
    width, height = (nx, ny) if labels.length is None else (labels.length, labels.length * ny / nx)
    panel.set_title(title)
    panel.set_xlabel(labels.axis("x"))
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    return panel.imshow(
        values, origin="lower", extent=(0, width, 0, height), interpolation="nearest", **colours
    )


def _add_bar(part: SubFigure, image: Any, panel: Axes, label: str) -> None:
    """Draw a colour bar beside `panel`, as tall as it."""
    part.colorbar(image, cax=panel.inset_axes((1.04, 0.0, 0.05, 1.0)), label=label)
