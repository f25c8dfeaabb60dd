"""The style of all figures: sizes, colours on light and dark ground, units, labels, saving."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from keras_qd.data.recipes import box_length

if TYPE_CHECKING:
    from keras_qd.evaluation.figure_data import Example
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.training.run import Run


#: A quantity whose negative part is smaller than this share of its positive part is drawn as
#: positive.
_NEGLIGIBLE = 0.05


def field_colours(*values: ArrayLike) -> dict[str, Any]:
    """Return the colour map and limits that some arrays share."""
    low, high = float(np.min(values[0])), float(np.max(values[0]))
    if low < 0 and min(-low, abs(high)) > _NEGLIGIBLE * max(-low, abs(high)) and high > 0:
        return _centred("RdBu_r", *values)
    lowest = min(float(np.min(array)) for array in values)
    highest = max(float(np.max(array)) for array in values)
    return {"cmap": "viridis", "vmin": lowest, "vmax": highest}


def difference_colours(difference: ArrayLike) -> dict[str, Any]:
    """Return a diverging colour map with limits centred at zero, for ``imshow``."""
    return _centred("PuOr_r", difference)


def _centred(cmap: str, *values: ArrayLike) -> dict[str, Any]:
    reach = max(float(np.max(np.abs(array))) for array in values)
    # A field that is zero everywhere still needs a scale.
    reach = reach or 1.0
    return {"cmap": cmap, "vmin": -reach, "vmax": reach}


_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")

#: Pixels per inch of images in files: two for each of a screen.
DPI = 192
#: Metadata by format without the time, so that the same figure is the same file.
DATELESS: dict[str, dict[str, Any]] = {
    "png": {},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


@dataclass(frozen=True)
class Theme:
    """The colours of a figure."""

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
def figure_style(theme: Theme = LIGHT) -> Iterator[None]:
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


def encode(figure: Figure, suffix: str) -> bytes:
    """Return a figure in a format of :data:`DATELESS`."""
    buffer = BytesIO()
    figure.savefig(buffer, format=suffix, dpi=DPI, metadata=DATELESS[suffix])
    return buffer.getvalue()


def encode_all(figure: Figure) -> dict[str, bytes]:
    """Return a figure in every format of :data:`DATELESS`."""
    encoded = {}
    for suffix in DATELESS:
        encoded[suffix] = encode(figure, suffix)
        # Finding the layout takes as long as drawing; it is the same in all formats.
        figure.set_layout_engine("none")
    return encoded


def pretty(unit: str) -> str:
    """Return a unit as it is printed."""
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
    """Return an axis label: the quantity and, where it has one, its unit in parentheses."""
    return f"{text} ({pretty(unit)})" if unit not in ("", "1") else text


@dataclass(frozen=True)
class Labels:
    """Names and units of what is drawn."""

    units: Mapping[str, str] = dataclasses.field(default_factory=dict)
    length: float | None = None
    length_unit: str = "a0*"
    measure: str = "error"
    measure_unit: str = ""

    def unit(self, name: str) -> str:
        """Return the unit of a field as it is printed, or nothing for a pure number."""
        unit = self.units.get(name, "")
        return "" if unit == "1" else pretty(unit)

    def field(self, name: str) -> str:
        """Return a field's name in words, with its unit."""
        return with_unit(words(name), self.units.get(name, ""))

    def axis(self, name: str) -> str:
        """Return the label of a coordinate axis."""
        return with_unit(name, self.length_unit) if self.length is not None else f"{name} (pixel)"

    def ranked_by(self, measure: str, unit: str) -> Labels:
        """Return the same labels for systems ranked by another measure."""
        return dataclasses.replace(self, measure=measure, measure_unit=unit)

    def headline(self, example: Example) -> str:
        """Return the title of one system: its rank, its number and its error."""
        unit = "" if self.measure_unit in ("", "1") else f" {pretty(self.measure_unit)}"
        error = f"{self.measure} = {example.error:.3g}{unit}"
        return f"{example.label.capitalize()}: system {example.index}, {error}"


def words(name: str) -> str:
    """Return a field's or a column's name in words."""
    return name.replace("_", " ")


def labels_of(run: Run, evaluation: Evaluation) -> Labels:
    """Return names and units for the figures of an evaluation."""
    units = {name: field["unit"] for name, field in run.config["fields"].items()}
    units.update(evaluation.data["units"])
    labels = Labels(units, length=evaluation.data.get("length") or box_length(run.config["data"]))
    ranking = evaluation.ranking
    return labels if ranking is None else labels.ranked_by(ranking.title, ranking.unit)
