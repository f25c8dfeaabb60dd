"""Numbers as targets, such as energies: how the errors are spread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keras_qd.evaluation.plates import Section
from keras_qd.evaluation.views.spread import errors_section
from keras_qd.evaluation.views.view import View

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.training.run import Run


class NumbersView(View):
    """Targets are one number a system."""

    baseline = "mean"

    def sections(self, run: Run, evaluation: Evaluation) -> Iterator[Section]:
        """Yield the errors of all systems."""
        yield from errors_section(run, evaluation)
