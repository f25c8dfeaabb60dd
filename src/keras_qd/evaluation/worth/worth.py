"""What a model is worth: its time beside the exact solver's, and when it pays for itself."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from keras_qd.evaluation.worth import words
from keras_qd.evaluation.worth.model_times import ModelTimes


@dataclass(frozen=True)
class Worth:
    r"""Times of a model and of the exact solver, on one machine.

    With the seconds a system of the solver :math:`t_e` and of the model :math:`t_m`, the model pays
    from the prediction number :math:`(T_d + T_t) / (t_e - t_m)` on, where :math:`T_d` is the time
    that making the data takes and :math:`T_t` that of the training: derived here from
    :math:`T_d + T_t + m\, t_m = m\, t_e` for m predictions.

    Parameters
    ----------
    solver : str
        The exact solver, in words.
    forward : bool
        Whether the solver solves what the model predicts. Otherwise it goes from the potential to
        the density, and the model another way, for which there is no direct solver.
    solver_seconds : float
        One system, solved with the settings of the data that the model was judged on.
    model : ModelTimes
        One system, alone and in a batch; of an ensemble or of dropout, all its draws together.
    data_systems : int
        Systems that were made to train, validate and test with.
    data_seconds : float, optional
        Time that making them takes one process here; None where nothing here makes such data.
    training_seconds : float, optional
        Time that the epochs took, as the run recorded it on the machine that it was trained on;
        None where it did not.
    processors : int
        Processors of the machine.

    Examples
    --------
    >>> model = ModelTimes(single=0.01, batched=0.001, batch_size=64)
    >>> worth = Worth("exact", True, 0.11, model, 1000, 100.0, 900.0, 2)
    >>> round(worth.ratio), worth.break_even
    (11, 10000)
    """

    solver: str
    forward: bool
    solver_seconds: float
    model: ModelTimes
    data_systems: int
    data_seconds: float | None
    training_seconds: float | None
    processors: int

    #: The columns of :attr:`rows`.
    header: ClassVar[tuple[str, ...]] = ("what", "time a system", "times faster")

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Times and ratios in words, as the terminal and the report show them."""
        return words.rows(self)

    @property
    def verdict(self) -> str:
        """What the solver is, what was spent, and when the model pays, in a few sentences."""
        return words.verdict(self)

    @property
    def ratio(self) -> float:
        """How many times faster the model is, given one system at a time."""
        return self.solver_seconds / self.model.single

    @property
    def ratio_batched(self) -> float:
        """How many times faster the model is in batches."""
        return self.solver_seconds / self.model.batched

    @property
    def break_even(self) -> int | None:
        """Predictions one at a time that pay for data and training; None if none ever do."""
        return self._pays_after(self.model.single)

    @property
    def break_even_batched(self) -> int | None:
        """Predictions in batches that pay for data and training; None if none ever do."""
        return self._pays_after(self.model.batched)

    def _pays_after(self, seconds: float) -> int | None:
        saved = self.solver_seconds - seconds
        if saved <= 0 or self.data_seconds is None or self.training_seconds is None:
            return None
        return math.ceil((self.data_seconds + self.training_seconds) / saved)

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values, what follows from the times included."""
        derived = ("ratio", "ratio_batched", "break_even", "break_even_batched")
        return {**dataclasses.asdict(self), **{name: getattr(self, name) for name in derived}}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Worth:
        """Make it from what :meth:`to_json` returned.

        Parameters
        ----------
        entry : mapping of str to object
            What :meth:`to_json` returned.

        Returns
        -------
        Worth
            Equal to the one it was.
        """
        values = {field.name: entry[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**values, "model": ModelTimes(**entry["model"])})
