"""Figures as a run's folder and its report take them: named, described, drawn when asked for."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from keras_qd.report.figures.style import DARK, DATELESS, LIGHT, Theme, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plate:
    """One figure.

    Parameters
    ----------
    name : str
        Name of its files in ``figures``, without suffix.
    draw : callable
        Returns a new figure.
    alternative : str
        What it shows, for those who cannot see it.
    kind : str
        How the report holds it: ``"svg"`` for curves, ``"png"`` for maps and images.
    """

    name: str
    draw: Callable[[], Figure]
    alternative: str
    kind: str = "svg"


@dataclass(frozen=True)
class Film:
    """An animated GIF.

    Parameters
    ----------
    name : str
        Name of its file in ``figures``, without suffix.
    make : callable
        Returns its bytes.
    alternative : str
        What it shows, for those who cannot see it.
    """

    name: str
    make: Callable[[], bytes]
    alternative: str

    @cached_property
    def content(self) -> bytes:
        """The bytes, which are made once."""
        return self.make()


@dataclass(frozen=True)
class Section:
    """A section of the report: a title, a few words, and figures.

    Parameters
    ----------
    title : str
        The heading.
    text : str
        What is to be seen, in a sentence or two.
    plates : tuple of Plate
        The figures, which ``figures`` has as well.
    films : tuple of Film
        Films, which ``figures`` has as well.
    """

    title: str
    text: str
    plates: tuple[Plate, ...]
    films: tuple[Film, ...] = ()


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


_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def in_print(value: float | None, digits: int = 4) -> str:
    """Return a number with `digits` significant digits; a dash for one that is not defined.

    Parameters
    ----------
    value : float or None
        The number.
    digits : int
        Significant digits.

    Examples
    --------
    >>> in_print(0.99871), in_print(-1.2345e-6), in_print(float("nan"))
    ('0.9987', '−1.234 × 10⁻⁶', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    mantissa, _, power = f"{value:.{digits}g}".replace("-", "−", 1 if value < 0 else 0).partition(
        "e"
    )
    if not power:
        return mantissa
    return f"{mantissa} × 10{str(int(power)).translate(_SUPERSCRIPTS)}"


def interval_in_print(interval: tuple[float, float] | None, digits: int = 3) -> str:
    """Return an interval, or a dash where there is none.

    Examples
    --------
    >>> interval_in_print((0.98123, 0.9912))
    '0.981 to 0.991'
    """
    return "–" if interval is None else " to ".join(in_print(end, digits) for end in interval)
