"""Evaluate a trained model, or an ensemble, on systems that it was not trained on."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import keras
import numpy as np
from numpy.typing import NDArray

from keras_qd import registry
from keras_qd._files import replacing
from keras_qd.errors import UsageError
from keras_qd.evaluation.case import Case
from keras_qd.evaluation.cost import Stopwatch, stopwatch_for
from keras_qd.evaluation.figure_data import Example, keep_for_figures, parities, pick
from keras_qd.evaluation.result import Evaluation
from keras_qd.evaluation.scores import Score, ranking_score, score
from keras_qd.evaluation.uncertainty import Uncertainty, evaluate_spread
from keras_qd.prediction._predict import Predictor, iterate_predictions, symmetrized
from keras_qd.tasks.task import suits
from keras_qd.training.run import REPORT, Run

if TYPE_CHECKING:
    import keras

    from keras_qd.data.dataset import Dataset
    from keras_qd.evaluation.case import Case
    from keras_qd.evaluation.cost import Stopwatch
    from keras_qd.tasks.physical_model import PhysicalModel


Array = NDArray[Any]
#: A run, or its directory.
AnyRun: TypeAlias = Run | str | Path


def evaluate(
    run: AnyRun | Sequence[AnyRun],
    split: str = "test",
    data: Dataset | str | Path | None = None,
    *,
    metrics: Sequence[str] = (),
    batch_size: int = 64,
    dropout_draws: int = 0,
    symmetries: int = 1,
    n_draws: int = 1000,
    seed: int = 0,
    keep_predictions: bool = False,
    cost: bool = True,
) -> Evaluation:
    """Compare the predictions of a trained model with the exact fields, and write the result.

    Parameters
    ----------
    run : Run or path, or a sequence of them
        A finished run, or its directory. Several are evaluated as one ensemble: the mean of their
        predictions, and their spread against its error.
    split : str
        ``"test"``, ``"validation"`` or ``"train"``.
    data : Dataset or path, optional
        Another data set with the same fields, or the path of a stored one. Its grid may differ if
        the model allows that.
    metrics : sequence of str
        Registered metrics in addition to those of the task.
    batch_size : int
        Samples per batch of the prediction.
    dropout_draws : int
        Number of predictions with dropout on, at least two: evaluated are their mean, and their
        spread against its error. 0 predicts once, without dropout.
    symmetries : int
        How many of the symmetries of the task to average the predictions over: up to eight for
        images (the first four are the rotations), two for lines.
    n_draws : int
        Resampled sets behind each bootstrap interval.
    seed : int
        Of the resampling and of the dropout.
    keep_predictions : bool
        Whether to write ``predictions.npz`` with the predicted fields in physical units, and their
        spread as ``FIELD_spread`` if there were several predictions.
    cost : bool
        Whether to time the model and the exact solver, if the data set has one; this takes a few
        seconds.

    Returns
    -------
    Evaluation
        Also written: ``metrics.json``, ``samples.csv`` and ``figures/data.npz``, into the run
        directory for the test split of its own data, otherwise into a folder of
        ``evaluations`` in it: ``SPLIT-DIGEST``, for several runs (in the first one)
        ``ensemble-N-SPLIT-DIGEST``, with dropout ``dropout-N-SPLIT-DIGEST``, averaged over
        symmetries ``symmetries-N-SPLIT-DIGEST``.

        An earlier ``report.html`` of the run is removed: its numbers would disagree.

    Raises
    ------
    RunError
        If `run` has no trained model, or its data set has changed since the training.
    UnknownNameError
        If there is no such split or metric.
    StoreError
        If there is no stored data set at the path, or it is incomplete.
    DataError
        If the split is empty, lacks a field, or does not fit the model.
    UsageError
        If the model has no dropout, or runs differ in their fields or their systems.

    Examples
    --------
    >>> evaluation = evaluate("runs/first")  # doctest: +SKIP
    >>> evaluation.score("r2").value  # doctest: +SKIP
    0.991
    >>> ensemble = evaluate(["runs/first", "runs/second"])  # doctest: +SKIP
    >>> ensemble.uncertainty.fields["density"]["systems"]["rank_correlation"]  # doctest: +SKIP
    0.83
    """
    if dropout_draws < 0 or dropout_draws == 1:
        raise UsageError(f"a spread needs two draws or more, got dropout_draws={dropout_draws}")
    runs = [run] if isinstance(run, (Run, str, Path)) else run
    cases = _cases(runs, split, data, dropout_draws, symmetries)
    chosen = _metrics(cases[0], metrics)  # by target
    stopwatch = stopwatch_for(cases[0]) if cost else None
    predicted = predict_cases(
        cases,
        batch_size=batch_size,
        dropout_draws=dropout_draws,
        symmetries=symmetries,
        seed=seed,
        stopwatch=stopwatch,
    )
    if keep_predictions:
        _keep(cases[0], predicted)
    rng = np.random.default_rng(seed)
    evaluation = _compare(cases, predicted, chosen, dropout_draws, n_draws, rng, stopwatch)
    evaluation.write()
    for case in cases:  # a page with the numbers of before would disagree
        (case.run.path / REPORT).unlink(missing_ok=True)
    return evaluation


def _cases(
    runs: Sequence[AnyRun],
    split: str,
    data: Dataset | str | Path | None,
    dropout_draws: int,
    symmetries: int,
) -> list[Case]:
    """Return a case for each run, all on the same systems."""
    counts = {"ensemble": len(runs), "dropout": dropout_draws, "symmetries": symmetries}
    label = "-".join(f"{word}-{count}" for word, count in counts.items() if count > 1)
    opened = [run if isinstance(run, Run) else Run.open(run) for run in runs]
    cases = [Case(run, load_data(run, data), split, label) for run in opened]
    _require_the_same(cases)
    return cases


def load_data(run: Run, data: Dataset | str | Path | None) -> Dataset:
    """Return the run's own data set, the one stored at a path, or `data` itself."""
    if data is None:
        return run.load_dataset()
    # Not through the task: its settings, such as the size of the box, need not be those of other
    # data.
    return registry.load("stored", path=data) if isinstance(data, (str, Path)) else data


def _require_the_same(cases: Sequence[Case]) -> None:
    """Raise unless all runs predict the same fields of the same systems."""
    if not cases:
        raise UsageError("there are no runs to evaluate; give one, or several for an ensemble")
    first, *others = cases
    for other in others:
        what = (list(other.pipeline.targets), other.systems)
        if what != (list(first.pipeline.targets), first.systems):
            raise UsageError(
                f"{other.run.path} and {first.run.path} do not predict the same fields of the same "
                "systems; name the data for all of them with --data, or leave one out"
            )


def _metrics(case: Case, more: Sequence[str]) -> dict[str, dict[str, keras.metrics.Metric]]:
    """Return the metrics of each target: those of the task, and the additional ones it suits."""
    task = case.run.task
    chosen = {
        target: dict(zip(names, task.build_metrics(names), strict=True))
        for target, names in task.metrics_of(case.pipeline).items()
    }
    for name in more:
        metric = registry.metric(name)
        kinds = {target: case.pipeline.kind(target) for target in chosen}
        suited = [target for target, kind in kinds.items() if kind in suits(metric)]
        if not suited:
            found = ", ".join(f"{target} ({kind})" for target, kind in kinds.items())
            raise UsageError(
                f"the metric {name!r} is defined for {' and '.join(suits(metric))}; "
                f"the targets are {found}"
            )
        for target in suited:
            chosen[target].setdefault(name, metric)
    return chosen


def _keep(case: Case, predicted: Predicted) -> None:
    """Write the predictions, and their spread if there are several."""
    spread = {f"{name}_spread": values for name, values in predicted.draws.spread.items()}
    with replacing(case.folder / "predictions.npz") as temporary:
        np.savez(temporary, **cast("dict[str, Any]", {**predicted.fields, **spread}))


def _compare(
    cases: Sequence[Case],
    predicted: Predicted,
    metrics: dict[str, dict[str, keras.metrics.Metric]],
    dropout_draws: int,
    n_draws: int,
    rng: np.random.Generator,
    stopwatch: Stopwatch | None,
) -> Evaluation:
    """Return the evaluation of the predictions against the exact fields."""
    case, prediction = cases[0], predicted.fields
    scores, columns = score(metrics, case.comparisons(prediction), n_draws=n_draws, rng=rng)
    uncertainty: Uncertainty | None = None
    if predicted.draws.count > 1:
        uncertainty, spread = evaluate_spread(cases, predicted.draws, dropout_draws, rng)
        columns |= spread
    return Evaluation(
        folder=case.folder,
        data=case.describe(),
        scores=tuple(scores),
        samples={**case.table(), **columns},
        examples=tuple(_examples(case, prediction, scores, columns)),
        parities=tuple(parities(case, prediction)),
        seconds=predicted.seconds,
        kept=keep_for_figures(case, prediction),
        uncertainty=uncertainty,
        cost=None if stopwatch is None else stopwatch.compare(cases),
    )


def _examples(
    case: Case, prediction: dict[str, Array], scores: list[Score], columns: dict[str, Array]
) -> list[Example]:
    """Return the best, the median and the worst system."""
    ranking = ranking_score(scores)
    if ranking is None:
        return []
    return pick(
        columns[ranking.column],
        case.inputs,
        case.targets,
        prediction,
        higher_is_better=ranking.higher_is_better,
    )


class Draws:
    """Mean and spread of predictions, updated one by one."""

    # B. P. Welford, Technometrics 4, 419 (1962), doi:10.1080/00401706.1962.10490022.

    def __init__(self) -> None:
        self.count = 0
        self.mean: dict[str, Array] = {}
        self._squares: dict[str, Array] = {}

    def add(self, prediction: Mapping[str, Array]) -> None:
        """Add one prediction of all systems: fields (n, ...) by name."""
        self.count += 1
        if self.count == 1:
            self.mean = dict(prediction)
            return
        for name, values in prediction.items():
            step = values - self.mean[name]
            self.mean[name] = self.mean[name] + step / self.count
            squares = step * (values - self.mean[name])
            self._squares[name] = self._squares.get(name, 0.0) + squares

    @property
    def spread(self) -> dict[str, Array]:
        """The standard deviation of every value over the draws; empty for a single draw."""
        return {name: np.sqrt(each / (self.count - 1)) for name, each in self._squares.items()}


#: Layers that add noise to their input during training and are the identity otherwise.
_NOISY = (
    keras.layers.Dropout,
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
)


def with_dropout(model: PhysicalModel, seed: int) -> PhysicalModel:
    """Return a model with the layers of `model` whose dropout stays on in prediction."""
    # Y. Gal, Z. Ghahramani, ICML (2016), arXiv:1506.02142. Normalisation layers keep their own
    # statistics, so that a prediction does not depend on the rest of the batch.
    graph = model.predictor
    if not getattr(graph, "inputs", None):
        raise UsageError(
            f"the model {graph.name!r} is not a graph of layers, so its dropout cannot be kept on"
        )
    seeds = np.random.default_rng([seed])
    noisy = [layer for layer in graph.layers if isinstance(layer, _NOISY)]
    if not noisy:
        raise UsageError(
            f"the model {graph.name!r} has no dropout: train it with dropout "
            "(for pix2pix and unet: --set model.dropout=0.5), or evaluate an ensemble of runs"
        )

    def keep_or_replace(layer: Any) -> Any:
        return _always(layer, int(seeds.integers(2**31))) if layer in noisy else layer

    # Without the class of the network, which can only rebuild itself.
    plain = keras.Model(graph.input, graph.output)
    return model.with_network(keras.models.clone_model(plain, clone_function=keep_or_replace))


def _always(layer: keras.layers.Layer, seed: int) -> keras.layers.Layer:
    """Return a layer like this one with its own seed that is always in training mode."""
    kind = type(layer)

    class Always(kind):  # type: ignore[misc, valid-type]
        def call(self, inputs: Any, training: bool = False) -> Any:
            return super().call(inputs, training=True)

    return Always.from_config({**layer.get_config(), "seed": seed})


@dataclass(frozen=True)
class Predicted:
    """Predictions in physical units: draws, and their mean (of classes the most probable)."""

    draws: Draws
    fields: dict[str, Array]
    seconds: float


def predict_cases(
    cases: Sequence[Case],
    *,
    batch_size: int,
    dropout_draws: int,
    symmetries: int,
    seed: int,
    stopwatch: Stopwatch | None,
) -> Predicted:
    """Predict the systems of the cases with all of their models, `dropout_draws` times each."""
    draws, seconds = Draws(), 0.0
    for number, case in enumerate(cases):
        trained = case.load_model()
        if dropout_draws:
            trained = with_dropout(trained, seed + number)
        model: Predictor = trained
        if symmetries != 1:
            model = symmetrized(trained, case.run.task, symmetries)
        started = time.perf_counter()
        for _ in range(max(1, dropout_draws)):
            draws.add(_predict(case, model, batch_size))
        seconds += time.perf_counter() - started
        if stopwatch is not None:
            stopwatch.add(model, case.inputs, batch_size, max(1, dropout_draws))
    fields = _with_classes(cases[0], draws.mean)
    return Predicted(draws, fields, seconds)


def _predict(case: Case, model: Predictor, batch_size: int) -> dict[str, Array]:
    """Return the predicted target fields in physical units, in double precision."""
    parts = list(iterate_predictions(model, case.inputs, batch_size=batch_size))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {
        name: values.astype(np.float64) if values.dtype.kind == "f" else values
        for name, values in found.items()
    }


def _with_classes(case: Case, mean: dict[str, Array]) -> dict[str, Array]:
    """Return the mean, with the most probable class in place of the mean of class numbers."""
    scalings = case.pipeline.scalings
    classes = {
        name: scalings[name].inverse(case.probabilities(name, mean))
        for name in case.targets
        if scalings[name].categorical
    }
    return {**mean, **classes}
