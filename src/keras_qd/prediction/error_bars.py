"""Error bars that a model gives itself: the spread of its predictions over symmetries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import number, read_json, table
from keras_qd._files import write_json
from keras_qd.data.fields import Field
from keras_qd.errors import DataError, UsageError
from keras_qd.metrics import NMAE
from keras_qd.prediction._predict import Symmetrized, iterate_predictions, symmetrized
from keras_qd.tasks.pipeline import each
from keras_qd.weights import Pretrained

if TYPE_CHECKING:
    from keras_qd.tasks.pipeline import Pipeline
    from keras_qd.training.run import Run

Array = NDArray[Any]

#: Where a run keeps the factors from spreads to errors, and validation systems that give them.
_FILE, _CALIBRATED = "error_bars.json", 256
#: What the name of a field's error bar ends in.
ERROR = "error"


class ErrorBars(Symmetrized):
    """Predicts the mean over symmetries, and how wrong it is expected to be for each system."""

    def __init__(self, model: Any, symmetries: Any, factors: Mapping[str, float]) -> None:
        super().__init__(model, symmetries)
        self._factors = factors

    @property
    def fields(self) -> dict[str, Field]:
        """The error bars as fields of a file, by name."""
        meaning = "expected integral of the absolute error over that of the absolute field"
        return {f"{name}_{ERROR}": Field((), "1", meaning) for name in self._factors}

    def predict_on_batch(self, x: Mapping[str, Array]) -> dict[str, Array]:
        """Return the mean prediction of a batch, and ``FIELD_error`` of each map or line."""
        scaled = self.pipeline.scale_inputs(x)
        outputs = self.all_outputs(scaled)
        found = self.pipeline.restore(each(lambda *parts: np.mean(parts, axis=0), *outputs))
        parts = [self.pipeline.restore(output) for output in outputs]
        for name, factor in self._factors.items():
            spread = np.mean([relative_error(part[name], found[name]) for part in parts], axis=0)
            found[f"{name}_{ERROR}"] = factor * spread
        return {name: values.astype(np.float32) for name, values in found.items()}


def relative_error(prediction: Array, reference: Array) -> Array:
    """Return the NMAE of every system, shape (n,): of densities, the share that is misplaced."""
    exact, predicted = (values.reshape(len(values), -1) for values in (reference, prediction))
    return np.asarray(NMAE().values(np, exact, predicted))


def with_error_bars(run: Run | Pretrained) -> ErrorBars:
    """Return a model with error bars, which its run or its card has calibrated."""
    model = run.load_model()
    symmetries = symmetrized(model, run.task).symmetries
    return ErrorBars(model, symmetries, _factors(run, model, symmetries))


def _factors(run: Run | Pretrained, model: Any, symmetries: Any) -> Mapping[str, float]:
    """Return the factor from spread to error of each target; a run measures them once."""
    factors: Mapping[str, float]
    if isinstance(run, Pretrained):
        factors = run.card.get("error_bars", {})
        if not factors:
            raise UsageError(f"the card of {run.name} has no error bars: leave out uncertainty")
        return factors
    path = run.path / _FILE
    if not path.exists():
        split = run.load_dataset().split("validation")
        write_json(path, calibrated(model, symmetries, split))
    factors = read_json(path, table(number), "remove it to calibrate again")
    return factors


def _ones(pipeline: Pipeline) -> dict[str, float]:
    """Return a factor of one for each target that is a map or a line."""
    names = [name for name in pipeline.targets if pipeline.kind(name) in ("maps", "lines")]
    if not names:
        raise UsageError(
            f"error bars are for targets that are maps or lines; {', '.join(pipeline.targets)} "
            "have none: leave out uncertainty"
        )
    return dict.fromkeys(names, 1.0)


def calibrated(model: Any, symmetries: Any, split: Mapping[str, Any]) -> dict[str, float]:
    """Return mean error over mean spread of each target on validation systems."""
    model = ErrorBars(model, symmetries, _ones(model.pipeline))
    fields = {name: np.asarray(values[:_CALIBRATED]) for name, values in split.items()}
    if not len(next(iter(fields.values()))):
        raise DataError("the validation split, which calibrates error bars, is empty")
    parts = list(iterate_predictions(model, fields))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    factors = {}
    for name in _ones(model.pipeline):
        scaling = model.pipeline.scalings[name]
        exact = scaling.inverse(scaling.forward(fields[name])) if scaling.centered else fields[name]
        spread = found[f"{name}_{ERROR}"].mean()
        # A model that has the symmetries by construction has no spread, and no error bar.
        factors[name] = float(relative_error(found[name], exact).mean() / max(spread, 1e-6))
    return factors
