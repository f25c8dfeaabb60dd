"""Systems in one dimension and a number of each: profiles, exact and predicted values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.report.figures.style import Labels

Array = NDArray[Any]

_COLUMNS = 5
#: Inches taken by one panel.
_WIDTH, _HEIGHT = 2.2, 1.9
#: The number that is drawn as a level, where there is a potential to draw it in.
_LEVEL = "energy"
#: Share of a panel's height that the density takes.
_DENSITY_HEIGHT = 0.45


def energies_figure(
    profiles: Mapping[str, Array], exact: Array, predicted: Array, target: str, labels: Labels
) -> Figure:
    """Draw systems side by side: potential and density, exact and predicted number.

    Parameters
    ----------
    profiles : mapping of str to ndarray, shape (n, points)
        ``potential``, ``density`` or both: what is known of the systems, whichever of them the
        model saw.
    exact, predicted : ndarray, shape (n,)
        The target's values.
    target : str
        Name of the target field. An ``energy`` is drawn as a level in the potential besides.
    labels : Labels
        Units and the length of the line.

    Returns
    -------
    matplotlib.figure.Figure
        Five panels a row. Densities are drawn to one scale, which has no axis.

    Raises
    ------
    UsageError
        If there is no system or no profile.
    """
    if not len(exact) or not profiles:
        raise UsageError("there are no systems on a line to draw")
    rows = -(-len(exact) // _COLUMNS)
    figure = Figure(figsize=(_WIDTH * _COLUMNS, _HEIGHT * rows + 0.4), layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
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
    places = np.arange(points + 2) * (labels.length or points + 1) / (points + 1)
    low, high = panel.get_ylim()
    if "density" in system:
        scale = _DENSITY_HEIGHT * (high - low) / tallest
        # The density is zero at the walls, which are no grid points.
        heights = low + scale * np.concatenate([[0.0], system["density"], [0.0]])
        panel.fill_between(places, low, heights, color="C0", alpha=0.35, linewidth=0)
        panel.plot(places, heights, color="C0", linewidth=1.0, label="density")
    if "potential" in system:
        panel.plot(places[1:-1], system["potential"], color="C1", label="potential")
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
