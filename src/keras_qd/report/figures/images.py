"""Figures of grey images with their classes, reconstructions and latent numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[Any]

#: The colour that marks what is wrong, readable on light and on dark ground.
WRONG = "#d1495b"


def show_image(panel: Axes, image: Array, low: float = 0.0, high: float | None = None) -> None:
    """Show one image in grey, without axes."""
    panel.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set_visible(False)


def classes_figure(images: Array, exact: Array, predicted: Array, probabilities: Array) -> Figure:
    """Draw images with their predicted and exact classes, wrong ones marked."""
    n_columns = min(8, len(images))
    n_rows = -(-len(images) // n_columns)
    figure = Figure(figsize=(1.15 * n_columns, 1.42 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for index, panel in enumerate(panels):
        if index >= len(images):
            panel.set_visible(False)
            continue
        show_image(panel, images[index], high=float(images.max()))
        share = f"{predicted[index]} ({100 * probabilities[index].max():.0f} %)"
        panel.set_title(share, loc="center", fontsize=8)
        if exact[index] != predicted[index]:
            panel.set_title(f"{share}, is {exact[index]}", loc="center", fontsize=8, color=WRONG)
            panel.spines[:].set(visible=True, color=WRONG, linewidth=2)
    return figure


def reconstructions_figure(original: Array, latent: Array, restored: Array) -> Figure:
    """Draw originals, their latent numbers and the reconstructions, a column each."""
    tiled = [latent_image(each) for each in latent]
    rows = {"original": list(original), "latent": tiled, "reconstruction": list(restored)}
    rows = {name: images for name, images in rows.items() if images}
    n_columns = len(original)
    figure = Figure(figsize=(0.95 * n_columns + 0.4, 1.02 * len(rows)), layout="constrained")
    panels = figure.subplots(len(rows), n_columns, squeeze=False)
    for row, (name, images) in zip(panels, rows.items(), strict=True):
        # The latent numbers share a scale of their own, which may be negative.
        low = min(float(np.nanmin(image)) for image in images) if name == "latent" else 0.0
        high = max(float(np.nanmax(image)) for image in (images if name == "latent" else original))
        for panel, image in zip(row, images, strict=True):
            show_image(panel, image, low, high)
        row[0].set_ylabel(name)
    return figure


def latents_figure(latents: Array, classes: Array) -> Figure:
    """Draw the flattened latent numbers of many images, a panel a class, a line an image."""
    n_columns = min(5, len(classes))
    n_rows = -(-len(classes) // n_columns)
    figure = Figure(figsize=(1.75 * n_columns + 0.6, 1.5 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True, sharey=True)
    for panel, values, name in zip(panels.flat, latents, classes, strict=False):
        image = panel.imshow(
            values,
            aspect="auto",
            cmap="viridis",
            vmin=float(latents.min()),
            vmax=float(latents.max()),
            interpolation="nearest",
        )
        panel.set_title(str(name), loc="center")
        panel.set_yticks([])
    for panel in panels.flat[len(classes) :]:
        panel.set_visible(False)
    for panel in panels[-1]:
        panel.set_xlabel("latent number")
    for panel in panels[:, 0]:
        panel.set_ylabel("image")
    figure.colorbar(image, ax=panels, label="value", fraction=0.03)
    return figure


def latent_image(latent: Array) -> Array:
    """Return latent numbers as one image: channels side by side, a gap between them."""
    if latent.ndim != 3:
        flat = latent.reshape(-1)
        width = -(-len(flat) // max(1, int(np.sqrt(len(flat)))))
        filled = np.full(-(-len(flat) // width) * width, np.nan)
        filled[: len(flat)] = flat
        return filled.reshape(-1, width)
    gap = np.full((latent.shape[0], 1), np.nan)
    parts = [part for channel in np.moveaxis(latent, -1, 0) for part in (channel, gap)]
    return np.concatenate(parts[:-1], axis=1)
