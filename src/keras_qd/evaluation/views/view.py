"""What a kind of target asks of an evaluation and of its report."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from keras_qd.evaluation.parity import Parity, count_parity
from keras_qd.evaluation.plates import Section

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.evaluation.trial import Trial
    from keras_qd.training.run import Run

Array = NDArray[Any]


class View(ABC):
    """How results for one kind of target are looked at.

    Attributes
    ----------
    baseline : str
        What the trivial prediction is, in words: ``"mean image"``.
    """

    baseline: str

    def keep(self, trial: Trial, prediction: Mapping[str, Array]) -> dict[str, Array]:
        """Return what the figures need beyond the scores, the table and three single systems.

        Parameters
        ----------
        trial : Trial
            The model, the data set and the split. Fields that do not go through the model are in
            ``trial.dataset.split(trial.split)``.
        prediction : mapping of str to ndarray
            The predicted target fields in physical units.

        Returns
        -------
        dict of str to ndarray
            Kept in ``figures/data.npz`` and given back as ``evaluation.kept``; so it is small.
        """
        return {}

    def parities(self, trial: Trial, prediction: Mapping[str, Array]) -> Iterator[Parity]:
        """Yield how often which exact value was predicted as which, for each target field."""
        for name, exact in trial.targets.items():
            yield count_parity(name, exact, prediction[name])

    @abstractmethod
    def sections(self, run: Run, evaluation: Evaluation) -> Iterator[Section]:
        """Yield the sections of the report between the scores and the learning curves.

        Parameters
        ----------
        run : Run
            Whose units are drawn.
        evaluation : Evaluation
            What was found, with what :meth:`keep` kept.
        """
