"""Elements of a report: sections of figures and animations, and how the page embeds them."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from PIL import Image, ImageSequence

from keras_qd.report.figures.style import DARK, LIGHT, encode, encode_all, figure_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ReportFigure:
    """A figure: name of its files, a function that draws it, alternative text, format."""

    name: str
    draw: Callable[[], Figure]
    alternative: str
    kind: str = "svg"

    @cached_property
    def light(self) -> Figure:
        """The figure on light ground."""
        with figure_style(LIGHT):
            return self.draw()

    @cached_property
    def content(self) -> dict[str, bytes]:
        """The figure on light ground by format, drawn once for its files and the page."""
        with figure_style(LIGHT):
            return encode_all(self.light)


@dataclass(frozen=True)
class Animation:
    """An animated GIF: name of its file, a function that returns its bytes, alternative text."""

    name: str
    make: Callable[[], bytes]
    alternative: str

    @cached_property
    def content(self) -> bytes:
        """The bytes, rendered once."""
        return self.make()


@dataclass(frozen=True)
class Section:
    """A section of the report: heading, one or two sentences, figures and animations."""

    title: str
    text: str
    figures: tuple[ReportFigure, ...]
    animations: tuple[Animation, ...] = ()


_TYPES = {"gif": "image/gif", "png": "image/png", "svg": "image/svg+xml"}


@dataclass(frozen=True)
class EmbeddedImage:
    """Data URIs of a figure, light and dark (of an animation, moving and still), and its size."""

    light: str
    dark: str
    width: int
    height: int
    alternative: str


def embed(figure: ReportFigure) -> EmbeddedImage:
    """Return a figure on light and on dark ground as data URIs."""
    with figure_style(DARK):
        drawn = encode(figure.draw(), figure.kind)
    light, dark = (_uri(each, figure.kind) for each in (figure.content[figure.kind], drawn))
    width, height = (round(96 * length) for length in figure.light.get_size_inches())
    return EmbeddedImage(light, dark, width, height, figure.alternative)


def embed_animation(animation: Animation) -> EmbeddedImage:
    """Return an animation and its last frame, for readers who prefer no motion, as data URIs."""
    with Image.open(io.BytesIO(animation.content)) as frames:
        width, height = frames.size
        *_, shown = ImageSequence.Iterator(frames)
        last = io.BytesIO()
        shown.save(last, "PNG")
    moving, still = _uri(animation.content, "gif"), _uri(last.getvalue(), "png")
    return EmbeddedImage(moving, still, width, height, animation.alternative)


def _uri(content: bytes, kind: str) -> str:
    """Return an image as a data URI."""
    return f"data:{_TYPES[kind]};base64,{base64.b64encode(content).decode()}"


_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def format_number(value: float | None, digits: int = 4) -> str:
    """Return a number with `digits` significant digits; a dash for None, NaN and infinity."""
    if value is None or not math.isfinite(value):
        return "–"
    mantissa, _, power = f"{value:.{digits}g}".replace("-", "−", 1 if value < 0 else 0).partition(
        "e"
    )
    if not power:
        return mantissa
    return f"{mantissa} × 10{str(int(power)).translate(_SUPERSCRIPTS)}"


def format_interval(interval: tuple[float, float] | None, digits: int = 3) -> str:
    """Return an interval as "a to b", or a dash for None."""
    return "–" if interval is None else " to ".join(format_number(end, digits) for end in interval)


def sentence(text: str) -> str:
    """Return text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."
