"""Figures inside an HTML page: no files beside it, a version each for light and dark screens."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from keras_qd.evaluation.figures.style import DARK, DATELESS, LIGHT, Theme, drawing
from keras_qd.evaluation.plates import Film

_TYPES = {"png": "image/png", "svg": "image/svg+xml"}


@dataclass(frozen=True)
class Picture:
    """A figure as data URIs.

    Parameters
    ----------
    light, dark : str
        The figure on light and on dark ground; of a film, the film and its last frame.
    width, height : int
        Size in CSS pixels.
    alternative : str
        What it shows, for those who cannot see it.
    """

    light: str
    dark: str
    width: int
    height: int
    alternative: str


def inline(draw: Callable[[], Figure], alternative: str, kind: str = "svg") -> Picture:
    """Draw a figure on light and on dark ground.

    Parameters
    ----------
    draw : callable
        Returns a new figure.
    alternative : str
        What it shows, in words.
    kind : str
        ``"svg"`` for curves, ``"png"`` for maps.
    """
    light, width, height = _encode(draw, LIGHT, kind)
    dark, _, _ = _encode(draw, DARK, kind)
    return Picture(light, dark, width, height, alternative)


def inline_film(film: Film) -> Picture:
    """Return an animated GIF as data URI, and its last frame for who wants nothing to move.

    Parameters
    ----------
    film : Film
        What is shown, on light ground.
    """
    with Image.open(io.BytesIO(film.content)) as frames:
        width, height = frames.size
        *_, shown = ImageSequence.Iterator(frames)
        last = io.BytesIO()
        shown.save(last, "PNG")
    moving, still = (
        f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
        for kind, content in (("gif", film.content), ("png", last.getvalue()))
    )
    return Picture(moving, still, width, height, film.alternative)


def _encode(draw: Callable[[], Figure], theme: Theme, kind: str) -> tuple[str, int, int]:
    """Return the data URI of a figure and its size in CSS pixels, of which an inch has 96."""
    buffer = io.BytesIO()
    with drawing(theme):
        figure = draw()
        figure.savefig(buffer, format=kind, dpi=192, metadata=DATELESS[kind])
    width, height = (round(96 * length) for length in figure.get_size_inches())
    return (
        f"data:{_TYPES[kind]};base64,{base64.b64encode(buffer.getvalue()).decode()}",
        width,
        height,
    )
