"""Error bars that a model gives itself: the spread of its predictions over symmetries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from keras_qd._checks import number, read_json, table
from keras_qd._files import write_json
from keras_qd.errors import DataError, UsageError
from keras_qd.metrics import NMAE
from keras_qd.prediction._predict import Symmetrized, iterate_predictions, symmetrized
from keras_qd.tasks.pipeline import each

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


def with_error_bars(run: Run) -> ErrorBars:
    """Return the model of a run with error bars, calibrated on its validation split once."""
    path, model = run.path / _FILE, run.load_model()
    symmetries = symmetrized(model, run.task).symmetries
    if not path.exists():
        write_json(path, _calibrated(run, ErrorBars(model, symmetries, _ones(model.pipeline))))
    factors: Mapping[str, float] = read_json(path, table(number), "remove it to calibrate again")
    return ErrorBars(model, symmetries, factors)


def _ones(pipeline: Pipeline) -> dict[str, float]:
    """Return a factor of one for each target that is a map or a line."""
    names = [name for name in pipeline.targets if pipeline.kind(name) in ("maps", "lines")]
    if not names:
        raise UsageError(
            f"error bars are for targets that are maps or lines; {', '.join(pipeline.targets)} "
            "have none: leave out uncertainty"
        )
    return dict.fromkeys(names, 1.0)


def _calibrated(run: Run, model: ErrorBars) -> dict[str, float]:
    """Return mean error over mean spread of each target on validation systems."""
    split = run.load_dataset().split("validation")
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
