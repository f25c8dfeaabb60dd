"""Figures of inversions: target, reached density, difference, potential, convergence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.report.elements import format_number
from keras_qd.report.figures.style import difference_colours, field_colours, pretty, with_unit

if TYPE_CHECKING:
    from keras_qd.inverse.outcome import Inversion


Array = NDArray[Any]

#: Inches taken by one panel with its colour bar, and by one row.
_WIDTH, _HEIGHT = 2.75, 2.65
_DENSITY, _ENERGY, _LENGTH = "1/a0*^2", "Ha*", "a0*"
_DISTANCE = "∫|δn| / N"


def inversion_figure(inversion: Inversion, title: str = "") -> Figure:
    """Draw one inversion: the densities above, the potential and the convergence below."""
    figure = Figure(figsize=(3 * _WIDTH, 2 * _HEIGHT + 0.2), layout="constrained")
    figure.suptitle(_headline(inversion, title), x=0.01, ha="left", fontsize=9.5, weight="bold")
    above, below = figure.subfigures(2, 1, squeeze=False)[:, 0]
    _draw_densities(above, above.subplots(1, 3), inversion)
    panels = below.subplots(1, 3)
    _draw_potential(below, panels[0], inversion)
    panels[0].set_ylabel(with_unit("y", _LENGTH))
    _draw_cut(panels[1], inversion)
    _draw_convergence(panels[2], inversion)
    return figure


def inversions_figure(inversions: Sequence[Inversion], titles: Sequence[str]) -> Figure:
    """Draw several inversions, a row each; see `inversion_figure`."""
    if not inversions:
        raise UsageError("there is no inversion to draw")
    figure = Figure(figsize=(5 * _WIDTH, _HEIGHT * len(inversions)), layout="constrained")
    rows = figure.subfigures(len(inversions), 1, squeeze=False)[:, 0]
    for part, inversion, title in zip(rows, inversions, titles, strict=True):
        part.suptitle(_headline(inversion, title), x=0.01, ha="left", fontsize=9.5, weight="bold")
        panels = part.subplots(1, 5)
        _draw_densities(part, panels[:3], inversion)
        _draw_potential(part, panels[3], inversion)
        panels[3].tick_params(labelleft=False)
        _draw_convergence(panels[4], inversion)
    return figure


def _headline(inversion: Inversion, title: str) -> str:
    found = f"{_DISTANCE} = {format_number(inversion.residual, 2)}"
    energy = f"E = {format_number(inversion.energy)} {pretty(_ENERGY)}"
    state = "" if inversion.converged else f", not reached ({inversion.reason.replace('-', ' ')})"
    return f"{title + ': ' if title else ''}{found}{state}, {energy}"


def _draw_densities(part: SubFigure, panels: Sequence[Axes], inversion: Inversion) -> None:
    """Draw target, reached density and difference."""
    target, reached, length = inversion.target, inversion.density, inversion.box.length
    colours = field_colours(target, reached)
    unit = pretty(_DENSITY)
    _show(panels[0], target, "target density", colours, length)
    image = _show(panels[1], reached, "exact density in the potential", colours, length)
    _add_bar(part, image, panels[1], unit)
    difference = reached - target
    image = _show(panels[2], difference, "exact − target", difference_colours(difference), length)
    _add_bar(part, image, panels[2], unit)
    panels[0].set_ylabel(with_unit("y", _LENGTH))
    for panel in panels[1:]:
        panel.tick_params(labelleft=False)


def _draw_potential(part: SubFigure, panel: Axes, inversion: Inversion) -> None:
    """Draw the potential, hatched where the density does not determine it."""
    determined, length = inversion.determined, inversion.box.length
    known = inversion.potential[determined] if determined.any() else inversion.potential
    # The constant is arbitrary: from the mean, colours of several potentials are comparable.
    shift = known.mean()
    values, colours = inversion.potential - shift, field_colours(known - shift)
    image = _show(panel, values, "potential", colours, length)
    beyond = "neither" if determined.all() else "both"
    _add_bar(part, image, panel, f"{pretty(_ENERGY)}, from the mean", extend=beyond)
    if determined.all():
        return
    n_pixels = len(determined)
    centres = (np.arange(-1, n_pixels + 1) + 0.5) * (length / n_pixels)
    unknown = np.pad(1.0 - determined, 1, mode="edge")
    levels, veil = (0.5, 2.0), {"colors": "none"}
    hatched = panel.contourf(centres, centres, unknown, levels, hatches=["////"], **veil)
    hatched.set_edgecolor("#9aa0a6")
    hatched.set_linewidth(0.0)
    panel.contour(centres, centres, unknown, [0.5], colors="#24292f", linewidths=0.8)
    panel.set_xlim(0, length)
    panel.set_ylim(0, length)
    panel.set_title("potential (hatched: not determined)")


def _draw_cut(panel: Axes, inversion: Inversion) -> None:
    """Draw the potential and its error band along x, where the target is densest."""
    target = inversion.target
    row = int(np.unravel_index(target.argmax(), target.shape)[0])
    x = (np.arange(target.shape[1]) + 0.5) * (inversion.box.length / target.shape[1])
    values = inversion.potential[row] - np.average(inversion.potential, weights=target)
    error = inversion.potential_error[row]
    panel.plot(x, values, label="potential")
    if np.isfinite(error).all():
        panel.fill_between(x, values - error, values + error, alpha=0.3, label="90 % interval")
    panel.set_title(f"along x at y = {format_number(x[row])} {pretty(_LENGTH)}")
    panel.set_xlabel(with_unit("x", _LENGTH))
    panel.set_ylabel(f"{pretty(_ENERGY)}, from the weighted mean")
    panel.legend()


def _draw_convergence(panel: Axes, inversion: Inversion) -> None:
    """Draw the distance to the target after each exact solution."""
    residuals = np.asarray(inversion.residuals, dtype=np.float64)
    steps = np.arange(len(residuals))
    panel.semilogy(steps, residuals, marker="o", markersize=3, label="exact solves")
    panel.plot(0, inversion.start_residual, "o", color="C1", label="at the start")
    panel.axhline(inversion.tolerance, color="C2", linestyle="--", label="tolerance")
    panel.set_title(f"{_DISTANCE} after each solve")
    panel.set_xlabel("exact solves after the first")
    panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    panel.grid(visible=True)
    panel.legend()


def _show(panel: Axes, values: Array, title: str, colours: dict[str, Any], length: float) -> Any:
    """Draw one map with x to the right and y upwards."""
    panel.set_title(title)
    panel.set_xlabel(with_unit("x", _LENGTH))
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    extent = (0, length, 0, length)
    return panel.imshow(values, origin="lower", extent=extent, interpolation="nearest", **colours)


def _add_bar(part: SubFigure, image: Any, panel: Axes, label: str, extend: str = "neither") -> None:
    """Draw a colour bar beside `panel`, as tall as it."""
    axes = panel.inset_axes((1.04, 0.0, 0.05, 1.0))
    part.colorbar(image, cax=axes, label=label, extend=extend)
