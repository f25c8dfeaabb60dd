"""Potentials to start from that a trained model proposes: that of a run, or a pretrained one."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.inverse.brush import resampled
from keras_qd.inverse.problem import Conditions, InverseProblem

if TYPE_CHECKING:
    from keras_qd.tasks.pipeline import Pipeline
    from keras_qd.training.run import Run
    from keras_qd.weights import Pretrained

Array = NDArray[np.float64]

_POTENTIAL = "potential"


class Proposals(ABC):
    """Proposes potentials for densities like those that its model was trained on."""

    #: What the model is called in messages.
    name: str
    #: Name of the density that the model takes.
    field: str
    #: Of the data that the model was trained on.
    conditions: Conditions
    n_pixels: int

    def propose(self, densities: Array, problem: InverseProblem) -> Array:
        """Return potentials in Ha*, up to constants, on the grid of the densities."""
        self.conditions.require(problem, f"the model of {self.name}")
        there = np.stack([resampled(each, self.n_pixels) for each in densities])
        back = densities.shape[-1]
        found = [each.astype(np.float64) for each in self._predicted(there, problem)]
        return np.stack([resampled(each, back) for each in found])

    @abstractmethod
    def _predicted(self, densities: Array, problem: InverseProblem) -> Array:
        """Return what the model predicts for densities on its own grid."""


class _OfRun(Proposals):
    """The model of a run of ``density-to-potential`` or one like it."""

    def __init__(self, run: Run) -> None:
        self._run, self.name = run, str(run.path)
        self.field = _density(self.name, run.pipeline)
        self.conditions = Conditions.of_metadata(run.config["data"], self.field)
        self.n_pixels = run.pipeline.inputs[self.field][-1]

    def _predicted(self, densities: Array, problem: InverseProblem) -> Array:
        from keras_qd.prediction import predict

        return predict(self._run, {self.field: densities})[_POTENTIAL]


class _OfPretrained(Proposals):
    """A pretrained network, which knows several numbers of electrons and strengths."""

    def __init__(self, network: Pretrained) -> None:
        self._network, self.name = network, network.name
        self.field = _density(self.name, network.pipeline, "strength")
        trained = {"configuration": network.card["data"]["configuration"]}
        # Lengths scale: the box may have any side.
        self.conditions = dataclasses.replace(
            Conditions.of_metadata(trained, self.field), length=None
        )
        self.n_pixels = network.pipeline.inputs[self.field][-1]

    def _predicted(self, densities: Array, problem: InverseProblem) -> Array:
        model: Any = self._network.load_model()
        found: Array = model.potentials(densities, problem.strength, problem.box.length)[_POTENTIAL]
        return found


def open_proposals(model: Run | str | Path) -> Proposals:
    """Return the proposals of a run, of its directory, or of a pretrained network by its name."""
    from keras_qd.training.run import Run
    from keras_qd.weights._pretrained import find_pretrained

    if isinstance(model, Run):
        return _OfRun(model)
    network = find_pretrained(model)
    return _OfRun(Run.open(model)) if network is None else _OfPretrained(network)


def _density(name: str, pipeline: Pipeline, *others: str) -> str:
    """Return the density that a model takes; raise unless it maps one, and `others`, so."""
    inputs, targets = list(pipeline.inputs), list(pipeline.targets)
    shapes = [pipeline.inputs[inputs[0]], *pipeline.targets.values()]
    if (
        targets != [_POTENTIAL]
        or tuple(inputs[1:]) != others
        or not inputs[0].startswith("density")
    ):
        raise UsageError(
            f"{name} maps {', '.join(inputs)} to {', '.join(targets)}; give a run of "
            "density-to-potential or noninteracting-density-to-potential, or the pretrained "
            "density-to-potential"
        )
    if any(len(shape) != 2 or shape[0] != shape[1] for shape in shapes):
        raise UsageError(f"{name} maps fields of shape {shapes[0]}; expected square maps")
    return inputs[0]
