"""Drawings that are made while the site is built."""

from itertools import pairwise
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

FOLDER = Path(__file__).parents[1] / "drawn"
BLUE, ORANGE, GREY = "#3b6ea5", "#c8702a", "#6b7280"
SIDES = (64, 32, 16, 8, 4, 8, 16, 32, 64)


def box(axes, x, y, width, height, text, colour):
    """Draw a box with a text in it."""
    shape = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0.02",
        fc=colour,
        ec="none",
    )
    axes.add_patch(shape)
    axes.text(x, y, text, ha="center", va="center", color="white", fontsize=9)


def arrow(axes, start, end, colour=GREY, text=""):
    """Draw an arrow, with a text beside its middle."""
    style = {"arrowstyle": "->", "color": colour, "lw": 1.3}
    axes.annotate("", xy=end, xytext=start, arrowprops=style)
    if text:
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.14)
        axes.text(*middle, text, ha="center", fontsize=9, color=colour)


def generator(axes):
    """Draw the U-Net: sides of the image level by level, with the skips across."""
    places = [(0.9 * number, 3.0 + 0.012 * side) for number, side in enumerate(SIDES)]
    for (x, y), side in zip(places, SIDES, strict=True):
        box(axes, x, y, 0.42, 0.25 + 0.02 * side, str(side), BLUE)
    for (x, y), (next_x, next_y) in pairwise(places):
        arrow(axes, (x + 0.24, y), (next_x - 0.24, next_y))
    for level in range(4):
        (x, y), (end, _) = places[level], places[-1 - level]
        top = y + 0.15 + 0.01 * SIDES[level]
        axes.plot([x, x, end, end], [top, top + 0.35, top + 0.35, top], color=GREY, lw=0.8)
    axes.text(-0.85, places[0][1], "$x$", fontsize=13, va="center")
    axes.text(8.0, places[0][1], "$G(x)$", fontsize=13, va="center")
    axes.text(3.6, 2.45, "generator G: a U-Net", ha="center", fontsize=10, color=BLUE)


def discriminator(axes):
    """Draw the PatchGAN and the two pairs that it sees."""
    box(axes, 3.6, 0.9, 1.5, 0.9, "D", ORANGE)
    axes.text(3.6, 0.15, "discriminator D: a PatchGAN", ha="center", fontsize=10, color=ORANGE)
    for y, pair, verdict in ((1.15, "$[x,\\; y]$", "real"), (0.65, "$[x,\\; G(x)]$", "made")):
        axes.text(1.0, y, pair, fontsize=12, va="center")
        arrow(axes, (2.0, y), (2.8, y))
        arrow(axes, (4.4, y), (5.2, y))
        axes.text(5.35, y, f"{verdict}? in every patch", fontsize=10, va="center")


def draw_networks() -> None:
    """Write the picture of the two networks."""
    plt.rcParams["svg.hashsalt"] = "keras-qd"
    figure, axes = plt.subplots(figsize=(8.5, 4.6), layout="constrained")
    generator(axes)
    discriminator(axes)
    axes.set(xlim=(-1.1, 8.9), ylim=(0.0, 5.2))
    axes.axis("off")
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / "networks.svg", metadata={"Date": None})
    plt.close(figure)


def setup(app):
    """Announce the drawings to Sphinx."""
    app.connect("builder-inited", lambda app: draw_networks())
    return {"version": "1", "parallel_read_safe": True}
