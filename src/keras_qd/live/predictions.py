"""The model's answer to a drawing: that of a run, or of the pretrained model of the package."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from keras_qd.errors import KerasQDError, UsageError
from keras_qd.inverse.problem import Conditions
from keras_qd.live.messages import Request, Send, pack
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction

_DENSITY = "density"

#: Name of the network that predicts where no run is given.
PRETRAINED = "potential-to-density"

#: Relative difference of two lengths that are the same.
_ROUNDING = 1e-6


class Predictor(Protocol):
    """A model from potentials to densities, and the systems that it was trained for."""

    name: str
    n_pixels: int

    def limits(self, request: Request) -> str:
        """Return why a request is outside of the systems of the training, or nothing."""
        ...

    def predict(self, request: Request) -> Mapping[str, Any]:
        """Return ``density`` in 1/a0*^2, perhaps energies in Ha*: see ``ground_states``."""
        ...


class RunPredictor:
    """The trained model of a run of potential-to-density."""

    def __init__(self, path: str | Path) -> None:
        from keras_qd.prediction._predict import load_predictor
        from keras_qd.training.run import Run

        run = Run.open(Path(path))
        self.n_pixels = grid_of(run.pipeline)
        self.name = Path(path).name
        self.conditions = conditions_of(path)
        self._model = load_predictor(run, symmetries=1)

    def limits(self, request: Request) -> str:
        """Return why the model does not apply, or nothing."""
        return differences(self.conditions, request)

    def predict(self, request: Request) -> Mapping[str, Any]:
        """Return the predicted density."""
        from keras_qd.prediction._predict import iterate_predictions

        fields = {"potential": np.asarray(request.field)[None]}
        (found,) = iterate_predictions(self._model, fields, batch_size=1)
        return {"density": found["density"][0]}


class PretrainedPredictor:
    """The network of the package: one to four electrons, any strength, box and smooth potential."""

    name = PRETRAINED

    def __init__(self) -> None:
        from keras_qd.weights import pretrained

        self._model = pretrained(self.name)
        self.n_pixels = int(self._model.pipeline.inputs["potential"][0])
        made = self._model.card["data"]["configuration"]
        self.conditions = Conditions(interaction=Interaction.from_settings(made))

    def limits(self, request: Request) -> str:
        """Return why the model does not apply, or nothing."""
        return differences(self.conditions, request)

    def predict(self, request: Request) -> Mapping[str, Any]:
        """Return density, energies, and whether the potential is like those of the training."""
        found: Mapping[str, Any] = self._model.ground_states(
            np.asarray(request.field), request.n_electrons, request.strength, request.box.length
        )
        return found


def conditions_of(run: str | Path) -> Conditions:
    """Return what is known of the systems that a run was trained on."""
    from keras_qd.training.run import Run

    return Conditions.of_metadata(Run.open(Path(run)).config["data"], _DENSITY)


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
    return f"The model was trained for {', '.join(wrong)}." if wrong else ""


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
    try:
        predictor = PretrainedPredictor() if run is None else RunPredictor(run)
        # The first prediction compiles the model.
        x, y = (box := Box(10.0)).mesh(predictor.n_pixels)
        dot = 0.1 * ((x - 5) ** 2 + (y - 5) ** 2)
        predictor.predict(Request("predict", 0, predictor.n_pixels, box, field=dot))
        return predictor, ""
    except KerasQDError as error:
        return None, str(error)


def answer(predictor: Predictor | None, reason: str, request: Request, send: Send) -> None:
    """Send the prediction, or why there is none."""
    about = {"event": "prediction", "id": request.id, "n_electrons": request.n_electrons}
    if predictor is not None:
        reason = _limits(predictor, request)
    if predictor is None or reason:
        send(pack({**about, "reason": reason}))
        return
    started = time.perf_counter()
    found = predictor.predict(request)
    density = np.asarray(found["density"], dtype=np.float64)
    numbers = {
        "seconds": time.perf_counter() - started,
        "integral": density.sum() * request.box.pixel_area(request.n_pixels),
        "energy": found.get("energy"),
        "mu": found.get("chemical_potential"),
        "exchange": found.get("exchange"),
        "familiar": bool(found.get("familiar", True)),
    }
    send(pack({**about, **numbers, "reason": ""}, [density]))


def _limits(predictor: Predictor, request: Request) -> str:
    """Return why a model does not apply to a request, or nothing."""
    if predictor.n_pixels != request.n_pixels:
        return f"The model takes {predictor.n_pixels} x {predictor.n_pixels} pixels."
    return predictor.limits(request)
