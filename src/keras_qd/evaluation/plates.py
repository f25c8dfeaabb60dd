"""Figures as a run's folder and its report take them: named, described, drawn when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

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
