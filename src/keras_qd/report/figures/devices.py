"""Figures of devices: stability diagrams, and sweeps of one gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import label

if TYPE_CHECKING:
    from keras_qd.devices.stability import StabilityDiagram
    from keras_qd.devices.sweep import Sweep

#: Regions of a diagram with fewer pixels, as a share of all, have no label.
_LEAST_LABELLED = 0.004


def stability_figure(diagram: StabilityDiagram) -> Figure:
    """Draw the number of electrons with those of each region, and the signal of a charge sensor."""
    figure = Figure(figsize=(8.2, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_numbers(figure, left, diagram)
    _draw_signal(figure, right, diagram)
    for panel in (left, right):
        panel.set_xlabel(f"{diagram.gate_x} (mV)")
    left.set_ylabel(f"{diagram.gate_y} (mV)")
    return figure


def _draw_numbers(figure: Figure, panel: Axes, diagram: StabilityDiagram) -> None:
    most = max(int(diagram.n_electrons.max()), 1)
    numbers = np.ma.masked_less(diagram.n_electrons, 0)
    image = panel.pcolormesh(
        diagram.x, diagram.y, numbers, cmap="Blues", vmin=-0.5, vmax=1.6 * most, rasterized=True
    )
    bar = figure.colorbar(image, ax=panel, ticks=range(most + 1), label="electrons")
    bar.ax.set_ylim(-0.5, most + 0.5)
    _draw_lines(panel, diagram, most)
    _label_regions(panel, diagram)
    panel.set_title(f"({', '.join(diagram.regions)})")


def _draw_lines(panel: Axes, diagram: StabilityDiagram, most: int) -> None:
    """Draw the lines on which electrons enter, and those on which they change the region."""
    axes, halves = (diagram.x, diagram.y), np.arange(most) + 0.5
    style = {"colors": "k", "linewidths": 0.8}
    if diagram.n_electrons.min() < diagram.n_electrons.max():
        panel.contour(*axes, diagram.n_electrons, levels=halves, **style)
    for number in range(1, most + 1):
        inside = np.ma.masked_where(diagram.n_electrons != number, diagram.charges[0])
        if inside.count() and inside.min() < inside.max():
            panel.contour(*axes, inside, levels=halves, linestyles="--", **style)


def _label_regions(panel: Axes, diagram: StabilityDiagram) -> None:
    """Write the electrons of each region of the box into each region of the diagram."""
    for occupation in np.unique(diagram.occupations.reshape(len(diagram.regions), -1).T, axis=0):
        same = (diagram.occupations == occupation[:, None, None]).all(axis=0)
        parts, n_parts = label(same & (diagram.n_electrons >= 0))
        for part in range(1, n_parts + 1):
            rows, columns = np.nonzero(parts == part)
            if len(rows) < _LEAST_LABELLED * same.size:
                continue
            # The pixel of the part that is nearest to its centre.
            centre = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
            text = f"({', '.join(map(str, occupation))})"
            x, y = diagram.x[columns[centre]], diagram.y[rows[centre]]
            panel.text(x, y, text, ha="center", va="center", fontsize=8, color="k")


def _draw_signal(figure: Figure, panel: Axes, diagram: StabilityDiagram) -> None:
    """Draw the derivative of the charge of the first region, as a charge sensor next to it sees."""
    signal = np.gradient(diagram.charges[0], diagram.x, axis=1)
    reach = float(np.nanquantile(np.abs(signal), 0.995)) or 1.0
    image = panel.pcolormesh(
        diagram.x, diagram.y, signal, cmap="PuOr_r", vmin=-reach, vmax=reach, rasterized=True
    )
    charge = f"charge of {diagram.regions[0]}"
    figure.colorbar(image, ax=panel, label=f"d({charge}) / d({diagram.gate_x}) (1/mV)")
    panel.set_title("as a charge sensor")


def sweep_figure(sweep: Sweep) -> Figure:
    """Draw chemical potentials and the exchange energy against the voltage of a gate."""
    figure = Figure(figsize=(8.2, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for n, values in enumerate(sweep.chemical_potentials, start=1):
        left.plot(sweep.values, values, "o-", markersize=3, label=rf"$\mu_{n}$")
    left.set_ylabel("chemical potential (meV)")
    left.legend()
    ueV, error = 1e3 * sweep.exchange, 1e3 * sweep.exchange_error  # noqa: N806  (the unit)
    if np.isfinite(ueV).any():
        right.errorbar(sweep.values, ueV, error, fmt="o-", markersize=3)
        right.set_yscale("log", nonpositive="mask")
    right.set_ylabel("exchange J (µeV)")
    for panel in (left, right):
        panel.set_xlabel(f"{sweep.gate} (mV)")
    return figure
