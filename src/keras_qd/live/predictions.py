"""The model's answer to a drawing: that of a run, or of the pretrained model of the package."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from keras_qd.errors import KerasQDError, UsageError
from keras_qd.inverse.problem import Conditions
from keras_qd.live.messages import Array, Request, pack

#: Relative difference of two lengths that are the same.
_ROUNDING = 1e-6


class Predictor(Protocol):
    """A model from potentials to densities, and the systems that it was trained for."""

    name: str
    n_pixels: int

    def limits(self, request: Request) -> str:
        """Return why a request is outside of the systems of the training, or nothing."""
        ...

    def density(self, request: Request) -> Array:
        """Return the predicted density in 1/a0*^2."""
        ...


class RunPredictor:
    """The trained model of a run of potential-to-density."""

    def __init__(self, path: str | Path) -> None:
        from keras_qd.prediction._predict import load_predictor
        from keras_qd.training.run import Run

        run = Run.open(Path(path))
        self.n_pixels = grid_of(run.pipeline)
        self.name = Path(path).name
        self.conditions = Conditions.of_metadata(run.config["data"], "density")
        self._model = load_predictor(run, symmetries=False)

    def limits(self, request: Request) -> str:
        """Return why the model does not apply, or nothing."""
        return differences(self.conditions, request)

    def density(self, request: Request) -> Array:
        """Return the predicted density."""
        from keras_qd.prediction._predict import iterate_predictions

        fields = {"potential": np.asarray(request.field)[None]}
        (found,) = iterate_predictions(self._model, fields, batch_size=1)
        return np.asarray(found["density"][0])


def grid_of(pipeline: Any) -> int:
    """Return the pixels a side of a model from a potential to a density; raise for any other."""
    inputs, targets = dict(pipeline.inputs), dict(pipeline.targets)
    shape = inputs.get("potential", ())
    square = len(shape) == 2 and shape[0] == shape[1] and targets.get("density") == shape
    if list(inputs) != ["potential"] or not square:
        raise UsageError(
            f"the model maps {', '.join(inputs)} to {', '.join(targets)}; the page draws square "
            "potentials: give a run of potential-to-density"
        )
    return int(shape[0])


def differences(trained: Conditions, request: Request) -> str:
    """Return in words what differs between the training and a request, or nothing."""
    known: Mapping[str, tuple[Any, Any]] = {
        "N": (trained.n_electrons, request.n_electrons),
        "box side (a0*)": (trained.length, request.box.length),
        "interaction": (_name(trained.interaction), _name(request.interaction)),
        "interaction strength": (trained.strength, request.strength),
    }
    wrong = [
        f"{name} = {wanted}"
        for name, (wanted, given) in known.items()
        if wanted is not None and not _same(wanted, given)
    ]
    return f"The model was trained for {', '.join(wanted for wanted in wrong)}." if wrong else ""


def _name(interaction: Any) -> str | None:
    if interaction is None:
        return None
    return f"{interaction.name} {interaction.length:g}" if interaction.length else interaction.name


def _same(wanted: Any, given: Any) -> bool:
    if isinstance(wanted, str):
        return bool(wanted == given)
    return bool(abs(wanted - given) <= _ROUNDING * abs(wanted))


def load(run: str | None) -> tuple[Predictor | None, str]:
    """Return the predictor of a run, or of the package; without one, the reason."""
    if run is None:
        return None, "No model: start keras-qd live with a run of potential-to-density."
    try:
        return RunPredictor(run), ""
    except KerasQDError as error:
        return None, str(error)


def answer(predictor: Predictor | None, reason: str, request: Request) -> Iterator[bytes]:
    """Yield the prediction, or why there is none."""
    about = {"event": "prediction", "id": request.id, "n_electrons": request.n_electrons}
    if predictor is None:
        yield pack({**about, "reason": reason})
        return
    reason = predictor.limits(request)
    if not reason and predictor.n_pixels != request.n_pixels:
        reason = f"The model takes {predictor.n_pixels} x {predictor.n_pixels} pixels."
    if reason:
        yield pack({**about, "reason": reason})
        return
    begun = time.perf_counter()
    density = predictor.density(request)
    integral = float(density.sum() * request.box.pixel_area(request.n_pixels))
    seconds = time.perf_counter() - begun
    yield pack({**about, "integral": integral, "seconds": seconds, "reason": ""}, [density])
