"""How every figure looks: sizes, colours on light and on dark ground, units in print."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

from keras_qd.files import replacing

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

#: Metadata by format that leaves out the time, so that the same figure is the same file.
DATELESS: dict[str, dict[str, Any]] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


@dataclass(frozen=True)
class Theme:
    """The colours of a figure.

    Parameters
    ----------
    name : str
        ``"light"`` or ``"dark"``.
    ground, ink, faint : str
        Colours of the background, of text and axes, and of grid lines.
    series : tuple of str
        Colours of curves, told apart also by readers with a colour vision deficiency.
    """

    name: str
    ground: str
    ink: str
    faint: str
    series: tuple[str, ...]


LIGHT = Theme(
    "light", "#ffffff", "#24292f", "#d8dee4", ("#1f6fb4", "#c8502a", "#2f8f6b", "#8a5fb0")
)
DARK = Theme("dark", "#161b22", "#dfe5ec", "#39414b", ("#6cb0f0", "#f2946c", "#5cc39a", "#c3a0ea"))


@contextmanager
def drawing(theme: Theme = LIGHT) -> Iterator[None]:
    """Draw and save figures in the house style within this block."""
    with mpl.rc_context(_settings(theme)):
        yield


def _settings(theme: Theme) -> dict[str, Any]:
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(inked, theme.ink),
        **dict.fromkeys(("figure.facecolor", "axes.facecolor"), theme.ground),
        "axes.prop_cycle": cycler(color=theme.series),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 9,
        "font.size": 8.5,
        "grid.color": theme.faint,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "lines.linewidth": 1.6,
        "savefig.facecolor": theme.ground,
        # The names inside a file do not depend on chance.
        "svg.hashsalt": "keras-qd",
        "xtick.direction": "in",
        "ytick.direction": "in",
    }


def save(figure: Figure, path: Path) -> list[Path]:
    """Save a figure in every format of :data:`DATELESS`, each whole or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Is laid out once, for all formats.
    path : Path
        Where to, without suffix.

    Returns
    -------
    list of Path
        The files.
    """
    paths = []
    for suffix, metadata in DATELESS.items():
        paths.append(path.with_name(f"{path.name}.{suffix}"))
        with replacing(paths[-1]) as temporary:
            figure.savefig(temporary, dpi=160, metadata=metadata)
        # Finding the layout takes as long as drawing; it is the same in all formats.
        figure.set_layout_engine("none")
    return paths


def pretty(unit: str) -> str:
    """Return a unit as it is printed.

    Parameters
    ----------
    unit : str
        In plain characters: ``"1/a0*^2"``.

    Examples
    --------
    >>> pretty("1/a0*^2")
    'a₀*⁻²'
    >>> pretty("Ha*")
    'Ha*'
    """
    unit = unit.replace("hbar", "ħ")
    if unit.startswith("1/") and "/" not in unit[2:]:
        base, _, power = unit[2:].partition("^")
        unit = f"{base}^-{power or 1}"
    head, *powers = unit.split("^")
    parts = [head.replace("a0", "a₀")]
    for power in powers:
        digits = len(power) - len(power.lstrip("-0123456789"))
        parts.append(power[:digits].translate(_SUPERSCRIPTS) + power[digits:].replace("a0", "a₀"))
    return "".join(parts)


def with_unit(text: str, unit: str) -> str:
    """Return an axis label: the quantity and, where it has one, its unit in parentheses.

    Examples
    --------
    >>> with_unit("density", "1/a0*^2")
    'density (a₀*⁻²)'
    >>> with_unit("R2", "")
    'R2'
    """
    return f"{text} ({pretty(unit)})" if unit not in ("", "1") else text
