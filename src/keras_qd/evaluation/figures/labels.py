"""What the axes, colour bars and titles of figures say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keras_qd.evaluation.examples import Example
from keras_qd.evaluation.figures.style import pretty, with_unit
from keras_qd.evaluation.physical import box_length

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.training.run import Run


@dataclass(frozen=True)
class Labels:
    """Names and units of what is drawn.

    Parameters
    ----------
    units : mapping of str to str
        Field -> unit. A field that is missing here has none.
    length : float, optional
        Side of the box; without it the axes count grid points.
    length_unit : str
        Unit of the side.
    measure, measure_unit : str
        What systems are ranked by, such as ``"L1"``, and its unit.

    Examples
    --------
    >>> labels = Labels({"density": "1/a0*^2"}, length=10.0)
    >>> labels.field("density"), labels.axis("x")
    ('density (a₀*⁻²)', 'x (a₀*)')
    """

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
        """Return the title of one system: its place, its number and its error."""
        unit = "" if self.measure_unit in ("", "1") else f" {pretty(self.measure_unit)}"
        error = f"{self.measure} = {example.error:.3g}{unit}"
        return f"{example.label.capitalize()}: system {example.index}, {error}"


def words(name: str) -> str:
    """Return a field's or a column's name in words.

    Examples
    --------
    >>> words("density_noninteracting")
    'density noninteracting'
    """
    return name.replace("_", " ")


def labels_of(run: Run, evaluation: Evaluation) -> Labels:
    """Return names and units for the figures of an evaluation."""
    units = {name: field["unit"] for name, field in run.config["fields"].items()}
    units.update(evaluation.data["units"])
    labels = Labels(units, length=evaluation.data.get("length") or box_length(run.config["data"]))
    ranking = evaluation.ranking
    return labels if ranking is None else labels.ranked_by(ranking.title, ranking.unit)
