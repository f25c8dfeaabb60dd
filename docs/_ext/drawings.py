"""Drawings that are made while the site is built, for light and for dark ground."""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from keras_qd import physics

FOLDER = Path(__file__).parents[1] / "drawn"
#: Sides of the images inside the generator, from 64 pixels, and inside the discriminator.
GENERATOR = (32, 16, 8, 4, 2, 1, 2, 4, 8, 16, 32)
DISCRIMINATOR = (32, 16, 8, 7)
#: Sides of the array of classified patches.
PATCHES = 6


class Theme(NamedTuple):
    """Colours on one ground."""

    name: str
    ink: str
    faint: str
    generator: str
    discriminator: str


THEMES = (
    Theme("light", "#24292f", "#7a828c", "#3b6ea5", "#c8702a"),
    Theme("dark", "#dfe5ec", "#98a2ae", "#5b96d4", "#d98544"),
)


def example():
    """Return a potential and the density of two electrons in it."""
    box = physics.Box(10.0)
    potential = physics.sample_potentials(1, box, seed=12)[0]
    return potential, physics.solve(potential, box).density


class Drawing:
    """A picture that is drawn in inches, from the lower left."""

    def __init__(self, theme: Theme, width: float, height: float) -> None:
        self.theme = theme
        self.figure = Figure(figsize=(width, height))
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set(xlim=(0, width), ylim=(0, height))
        self.axes.axis("off")

    def text(self, x, y, text, colour=None, size=10, align="center"):
        """Write a text."""
        colour = colour or self.theme.ink
        self.axes.text(x, y, text, color=colour, fontsize=size, ha=align, va="center")

    def arrow(self, start, end, colour=None, style="->", line="-"):
        """Draw an arrow."""
        look = {"arrowstyle": style, "color": colour or self.theme.faint, "lw": 1.2, "ls": line}
        self.axes.annotate(
            "", xy=end, xytext=start, arrowprops={**look, "shrinkA": 0, "shrinkB": 0}
        )

    def line(self, *points):
        """Draw a line through some points, thin."""
        self.axes.plot(*zip(*points, strict=True), color=self.theme.faint, lw=0.9)

    def image(self, x, y, side, values, colours):
        """Show an image around a point, or an empty frame where there is none."""
        corner = (x - side / 2, y - side / 2)
        if values is not None:
            extent = (corner[0], corner[0] + side, corner[1], corner[1] + side)
            self.axes.imshow(values, extent=extent, origin="lower", cmap=colours, zorder=2)
        else:
            frame = Rectangle(corner, side, side, fc="none", ec=self.theme.generator, lw=1.4)
            self.axes.add_patch(frame)
            self.text(x, y, "$G(x)$", self.theme.generator, 13 if side > 0.7 else 9)

    def bar(self, x, y, side, colour):
        """Draw what a layer gives, as tall as its images, with their side below."""
        height, width = 0.12 + 0.03 * side, 0.22
        corner = (x - width / 2, y - height / 2)
        shape = FancyBboxPatch(
            corner, width, height, boxstyle="round,pad=0.0,rounding_size=0.04", fc=colour, ec="none"
        )
        self.axes.add_patch(shape)
        self.text(x, y - height / 2 - 0.14, str(side), self.theme.ink, 8.5)
        return y + height / 2


def draw_generator(drawing: Drawing, potential, density) -> None:
    """Draw the U-Net: sides of the image level by level, with the copied features."""
    theme, middle = drawing.theme, 4.15
    points = [1.95 + 0.53 * number for number in range(len(GENERATOR))]
    tops = [
        drawing.bar(x, middle, side, theme.generator)
        for x, side in zip(points, GENERATOR, strict=True)
    ]
    for x, following in pairwise([1.45, *points, 7.95]):
        drawing.arrow((x + 0.14, middle), (following - 0.14, middle))
    for level in range(len(GENERATOR) // 2):
        left, right, top = points[level], points[-1 - level], tops[level] + 0.05
        roof = 5.0 - 0.11 * level + 0.14
        drawing.line((left, top), (left, roof), (right, roof))
        drawing.arrow((right, roof), (right, top))
    drawing.text(4.6, 5.33, "the features of each size are copied across", theme.faint, 9)
    drawing.text(
        4.6, 3.3, "generator G, a U-Net: halves the image and doubles it back", theme.generator
    )
    drawing.image(0.85, middle, 1.15, potential, "viridis")
    drawing.text(0.85, middle + 0.76, "$x$, potential")
    drawing.image(8.6, middle, 1.15, None, "magma")
    drawing.text(8.6, middle + 0.76, "generated")
    drawing.image(8.6, 1.55, 1.15, density, "magma")
    drawing.text(8.6, 0.8, "$y$, exact density")
    drawing.arrow((8.6, 3.53), (8.6, 2.17), theme.generator, "<->")
    drawing.text(8.5, 2.85, "$\\lambda$ mean $|y - G(x)|$", theme.generator, 9.5, "right")


def draw_discriminator(drawing: Drawing, potential, density) -> None:
    """Draw the PatchGAN, the two pairs that it sees, and what each network learns from it."""
    theme, middle = drawing.theme, 1.45
    for y, second, pair in (
        (2.0, density, "$[x, y]$, real"),
        (0.9, None, "$[x, G(x)]$, generated"),
    ):
        drawing.text(0.97, y + 0.43, pair, size=9)
        drawing.image(0.62, y, 0.62, potential, "viridis")
        drawing.image(1.32, y, 0.62, second, "magma")
        drawing.arrow((1.72, y), (2.08, middle + 0.25 * (y - middle)))
    points = [2.3 + 0.46 * number for number in range(len(DISCRIMINATOR))]
    for x, side in zip(points, DISCRIMINATOR, strict=True):
        drawing.bar(x, middle, side, theme.discriminator)
    for x, following in pairwise([*points, 4.22]):
        drawing.arrow((x + 0.13, middle), (following - 0.13, middle))
    cell = 0.11
    for row in range(PATCHES):
        for column in range(PATCHES):
            corner = (4.15 + cell * column, middle + cell * (row - PATCHES / 2))
            shade = {"fc": "none", "ec": theme.discriminator, "lw": 0.8}
            drawing.axes.add_patch(Rectangle(corner, cell, cell, **shade))
    drawing.text(4.48, middle - 0.5, f"{PATCHES} x {PATCHES}", size=8.5)
    drawing.text(
        3.2, 0.25, "discriminator D, a PatchGAN: classifies each patch", theme.discriminator
    )
    drawing.arrow((4.92, middle + 0.1), (5.3, 1.95))
    drawing.arrow((4.92, middle - 0.1), (5.3, 0.95))
    drawing.text(5.38, 2.05, "D learns to", theme.discriminator, 9.5, "left")
    drawing.text(5.38, 1.84, "distinguish the pairs", theme.discriminator, 9.5, "left")
    drawing.text(5.38, 1.0, "G learns to make D", theme.generator, 9.5, "left")
    drawing.text(5.38, 0.79, "classify its pair as real", theme.generator, 9.5, "left")


def draw_networks() -> None:
    """Write the picture of the two networks."""
    fields = example()
    FOLDER.mkdir(exist_ok=True)
    for theme in THEMES:
        with mpl.rc_context({"svg.hashsalt": "keras-qd"}):
            drawing = Drawing(theme, 9.4, 5.5)
            draw_generator(drawing, *fields)
            draw_discriminator(drawing, *fields)
            path = FOLDER / f"networks-{theme.name}.svg"
            drawing.figure.savefig(path, metadata={"Date": None}, transparent=True)


def setup(app):
    """Announce the drawings to Sphinx."""
    app.connect("builder-inited", lambda app: draw_networks())
    return {"version": "1", "parallel_read_safe": True}
