"""Figures of single systems: inputs, exact and predicted field, their difference, line cuts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.evaluation.figure_data import Example
from keras_qd.report.figures.style import Labels, difference_colours, field_colours, pretty, words

Array = NDArray[Any]

#: Inches taken by one panel.
_WIDTH, _HEIGHT = 3.3, 2.15


def cuts_figure(examples: Sequence[Example], target: str, labels: Labels) -> Figure:
    """Draw each system's exact and predicted map along x and along y through its peak."""
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
    """Return row and column of the largest value in magnitude."""
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
    position = _centres(n_across, labels)[pixel]
    panel.set_title(f"along {along} at {across} = {position:.3g}{unit}", loc="left")
    panel.set_xlabel(labels.axis(along))
    panel.margins(x=0)
    panel.grid(visible=True)


def _centres(n_pixels: int, labels: Labels) -> Array:
    """Return the centres of the pixels, x_i = (i + 1/2) L / n."""
    centres = np.arange(n_pixels) + 0.5
    return centres if labels.length is None else centres * labels.length / n_pixels


def draw_cut(panel: Axes, values: Array, labels: Labels, **style: Any) -> None:
    """Draw values at the centres of pixels."""
    panel.plot(_centres(len(values), labels), values, **style)
    panel.margins(x=0)
    panel.grid(visible=True)


def draw_profiles(
    part: SubFigure, example: Example, target: str, shown: Sequence[str], labels: Labels
) -> None:
    """Draw a system on a line: inputs, exact and predicted field in one panel, difference."""
    exact, predicted = example.reference[target], example.prediction[target]
    inputs = _alike(example, target, shown)
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


DrawRow = Callable[[SubFigure, Example, str, Sequence[str], Labels], None]

#: Inches taken by one panel with its colour bar, by one row, and by the numbers above it.
_WIDTH_SYSTEMS, _HEIGHT_SYSTEMS, _HEIGHT_NUMBERS = 2.5, 2.6, 0.2


def systems_figure(
    examples: Sequence[Example], labels: Labels, shown: Sequence[str] | None = None
) -> Figure:
    """Draw the shown fields of systems (all by default): inputs, exact, predicted, difference."""
    if shown is None:
        shown = [name for each in examples for name in (*each.inputs, *each.reference)]
    rows = [(each, name) for each in examples for name in each.reference if name in shown]
    if not rows or any(each.reference[name].ndim not in (1, 2) for each, name in rows):
        raise UsageError("only maps (ny, nx) and profiles (points,) can be drawn")
    n_panels = 3 + max(len(_alike(*row, shown)) for row in rows)
    height = _HEIGHT_SYSTEMS + (_HEIGHT_NUMBERS if _numbers(examples[0], labels) else 0.0)
    figure = Figure(figsize=(_WIDTH_SYSTEMS * n_panels, height * len(rows)), layout="constrained")
    parts = figure.subfigures(len(rows), 1, squeeze=False)
    for part, (example, target) in zip(parts[:, 0], rows, strict=True):
        title = "\n".join(filter(None, (labels.headline(example), _numbers(example, labels))))
        part.suptitle(title, x=0.01, ha="left", fontsize=9.5, weight="bold")
        draw: DrawRow = _draw_maps if example.reference[target].ndim == 2 else draw_profiles
        draw(part, example, target, shown, labels)
    return figure


def _numbers(example: Example, labels: Labels) -> str:
    """Return the numbers of a system as text: those that went in, and exact and predicted ones."""
    given = {name: f"{float(each):.4g}" for name, each in example.inputs.items() if not each.ndim}
    for name, exact in example.reference.items():
        if not exact.ndim:
            given[name] = f"{float(exact):.4g}, predicted {float(example.prediction[name]):.4g}"
    texts = (f"{words(name)} = {text} {labels.unit(name)}" for name, text in given.items())
    return "; ".join(text.strip() for text in texts).replace("-", "−")


def _alike(example: Example, target: str, shown: Sequence[str]) -> dict[str, Array]:
    """Return the shown inputs that are maps, if the target is one, or profiles."""
    axes = example.reference[target].ndim
    return {
        name: values
        for name, values in example.inputs.items()
        if name in shown and values.ndim == axes
    }


def _draw_maps(
    part: SubFigure, example: Example, target: str, shown: Sequence[str], labels: Labels
) -> None:
    """Draw one row of images into `part`."""
    exact, predicted = example.reference[target], example.prediction[target]
    inputs = _alike(example, target, shown)
    axes = part.subplots(1, len(inputs) + 3, squeeze=False)[0]
    for panel, (name, values) in zip(axes, inputs.items(), strict=False):
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


def draw_map(part: SubFigure, panel: Axes, values: Array, name: str, labels: Labels) -> None:
    """Draw one field with its colour bar."""
    image = _show(panel, values, words(name), field_colours(values), labels)
    panel.set_ylabel(labels.axis("y"))
    _add_bar(part, image, panel, labels.unit(name))


def _add_bar(part: SubFigure, image: Any, panel: Axes, label: str) -> None:
    """Draw a colour bar beside `panel`, as tall as it."""
    part.colorbar(image, cax=panel.inset_axes((1.04, 0.0, 0.05, 1.0)), label=label)


_LINE_COLUMNS = 5
#: Inches taken by one panel.
_LINE_WIDTH, _LINE_HEIGHT = 2.2, 1.9
#: The number that is drawn as a level, where there is a potential to draw it in.
_LEVEL = "energy"
#: Share of a panel's height that the density takes.
_DENSITY_SHARE = 0.45


def energies_figure(
    profiles: Mapping[str, Array], exact: Array, predicted: Array, target: str, labels: Labels
) -> Figure:
    """Draw systems side by side: potential and density, exact and predicted number."""
    if not len(exact) or not profiles:
        raise UsageError("there are no systems on a line to draw")
    rows = -(-len(exact) // _LINE_COLUMNS)
    figure = Figure(
        figsize=(_LINE_WIDTH * _LINE_COLUMNS, _LINE_HEIGHT * rows + 0.4), layout="constrained"
    )
    panels = figure.subplots(rows, _LINE_COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    lowest, highest = _limits(profiles.get("potential"), exact)
    for number, panel in enumerate(panels):
        if number >= len(exact):
            panel.set_axis_off()
            continue
        panel.set_ylim(lowest, highest)
        system = {name: values[number] for name, values in profiles.items()}
        _draw_system(panel, system, _tallest(profiles), labels)
        if "potential" in profiles and target == _LEVEL:
            panel.axhline(exact[number], color="C2", label="exact energy")
            panel.axhline(predicted[number], color="C3", linestyle="--", label="predicted energy")
        panel.set_title(
            f"exact {_printed(exact[number])}, predicted {_printed(predicted[number])}", fontsize=7
        )
    _name_axes(figure, panels, len(exact), "potential" in profiles, target, labels)
    return figure


def _printed(value: float) -> str:
    return f"{value:.4f}".replace("-", "−")


def _draw_system(panel: Axes, system: Mapping[str, Array], tallest: float, labels: Labels) -> None:
    """Draw the profiles of one system: the density on the ground of the panel."""
    points = len(next(iter(system.values())))
    points_x = np.arange(points + 2) * (labels.length or points + 1) / (points + 1)
    low, high = panel.get_ylim()
    if "density" in system:
        scale = _DENSITY_SHARE * (high - low) / tallest
        # The density is zero at the walls, which are not grid points.
        heights = low + scale * np.concatenate([[0.0], system["density"], [0.0]])
        panel.fill_between(points_x, low, heights, color="C0", alpha=0.35, linewidth=0)
        panel.plot(points_x, heights, color="C0", linewidth=1.0, label="density")
    if "potential" in system:
        panel.plot(points_x[1:-1], system["potential"], color="C1", label="potential")
    panel.margins(x=0)


def _limits(potential: Array | None, exact: Array) -> tuple[float, float]:
    """Return the ends of the common vertical axis; from 0 to 1 where only densities are drawn."""
    if potential is None:
        return 0.0, 1.0
    low, high = float(min(potential.min(), exact.min())), float(potential.max())
    margin = 0.05 * (high - low)
    return low - margin, high + margin


def _tallest(profiles: Mapping[str, Array]) -> float:
    """Return the largest density of all systems."""
    return float(profiles["density"].max()) if "density" in profiles else 1.0


def _name_axes(
    figure: Figure, panels: Any, drawn: int, scaled: bool, target: str, labels: Labels
) -> None:
    """Name what is drawn once for all panels."""
    figure.supxlabel(labels.axis("x"), fontsize=8.5)
    if scaled:
        figure.supylabel(labels.field("potential"), fontsize=8.5)
    for panel in panels[:drawn]:
        if not scaled:
            panel.set_yticks([])
    figure.suptitle(f"exact and predicted {labels.field(target)}", x=0.01, ha="left", fontsize=9.5)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=len(names))
