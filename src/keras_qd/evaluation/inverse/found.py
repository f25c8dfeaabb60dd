"""What was found for some targets: numbers to tell, arrays to write, a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_qd.data.inverted import Inverted
from keras_qd.errors import PhysicsError, UsageError
from keras_qd.evaluation.inverse.batch import Outcome
from keras_qd.evaluation.inverse.problem import InverseProblem
from keras_qd.evaluation.inverse.results import as_fields
from keras_qd.files import replacing
from keras_qd.physics import FamilyInversion, Inversion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class Found:
    """Inversions of some targets.

    Parameters
    ----------
    problem : InverseProblem
        What was inverted how.
    title : str
        What the targets are.
    outcomes : mapping of int to Inversion or PhysicsError
        What became of each, by its number.
    """

    problem: InverseProblem
    title: str
    outcomes: Mapping[int, Outcome]

    @property
    def inversions(self) -> dict[int, Inversion]:
        """Those that the solver did not refuse, by number."""
        return {n: each for n, each in self.outcomes.items() if isinstance(each, Inversion)}

    @property
    def shortfall(self) -> str:
        """Why not all targets were reached, in a sentence; empty where they were."""
        reasons = [
            (number, each.explanation if isinstance(each, Inversion) else str(each))
            for number, each in self.outcomes.items()
            if not (isinstance(each, Inversion) and each.converged)
        ]
        if not reasons:
            return ""
        (number, reason), total = reasons[0], len(self.outcomes)
        if total == 1:
            return f"the tolerance {self.problem.tolerance:g} is not met: {reason}"
        return (
            f"{len(reasons)} of {total} targets did not reach the tolerance "
            f"{self.problem.tolerance:g}; target {number}: {reason}"
        )

    def results(self) -> Inverted:
        """Return the inversions as arrays, described.

        Raises
        ------
        PhysicsError
            If the solver refused every target.
        """
        if not self.inversions:
            raise next(each for each in self.outcomes.values() if isinstance(each, PhysicsError))
        return as_fields(self.problem, list(self.inversions.values()), list(self.inversions))

    def summary(self) -> dict[str, Any]:
        """Return what was found, as plain JSON."""
        return {
            "targets": self.title,
            "problem": self.problem.describe(),
            "n_targets": len(self.outcomes),
            "n_converged": sum(each.converged for each in self.inversions.values()),
            "shortfall": self.shortfall,
            "inversions": [_numbers(number, each) for number, each in self.inversions.items()],
        }

    def figure(self) -> Figure:
        """Draw the only inversion; or the best, the median and the worst."""
        from keras_qd.evaluation.figures.inversions import inversion_figure, inversions_figure

        length, tolerance = self.problem.box.length, self.problem.tolerance
        if len(self.inversions) == 1:
            (only,) = self.inversions.values()
            return inversion_figure(only, length, tolerance, self.title)
        ranked = sorted(self.inversions.items(), key=lambda pair: pair[1].residual)
        places = {"Best": 0, "Median": len(ranked) // 2, "Worst": len(ranked) - 1}
        shown = {place: label for label, place in reversed(places.items())}
        titles = [f"{label}: target {ranked[place][0]}" for place, label in sorted(shown.items())]
        chosen = [ranked[place][1] for place in sorted(shown)]
        return inversions_figure(chosen, titles, length, tolerance)

    def draw(self, path: Path) -> None:
        """Write the figure as PNG, PDF or SVG, by the suffix."""
        from keras_qd.evaluation.figures.style import DATELESS, drawing

        check_figure(path)
        with drawing(), replacing(path) as temporary:
            metadata = DATELESS[path.suffix.lower().removeprefix(".")]
            self.figure().savefig(temporary, dpi=160, metadata=metadata)


def check_figure(path: Path) -> None:
    """Raise `UsageError` unless a figure can be written to `path`."""
    if path.suffix.lower() not in FIGURES:
        raise UsageError(f"a figure must end in one of {', '.join(FIGURES)}, got {path}")


def _numbers(number: int, inversion: Inversion) -> dict[str, Any]:
    """Return what is told of one inversion."""
    told: dict[str, Any] = {
        "target": number,
        "converged": inversion.converged,
        "reason": inversion.reason,
        "residual": inversion.residual,
        "start_residual": _finite(inversion.start_residual),
        "iterations": inversion.iterations,
        "energy": inversion.energy,
        "gap": _finite(inversion.gap),
        "determined": float(np.mean(inversion.determined)),
    }
    if isinstance(inversion, FamilyInversion):
        told["parameters"] = inversion.parameters
    return told


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
