"""Judge a trained model, or several as one, on systems they never saw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from keras_qd import registry
from keras_qd._files import replacing
from keras_qd.data.store.store import open_store
from keras_qd.data.stored import StoredDataset
from keras_qd.errors import UsageError
from keras_qd.evaluation.case import Trial
from keras_qd.evaluation.cost import can_be_weighed, measure_worth
from keras_qd.evaluation.ensemble import Predicted, predict_trials
from keras_qd.evaluation.examples import Example, pick
from keras_qd.evaluation.result import Evaluation
from keras_qd.evaluation.scores import Score, ranking_score, score
from keras_qd.evaluation.uncertainty import Uncertainty, judge_spread
from keras_qd.training.run import Run

if TYPE_CHECKING:
    import keras

    from keras_qd.data.dataset import Dataset


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
    symmetries: bool = False,
    n_draws: int = 1000,
    seed: int = 0,
    keep_predictions: bool = False,
    worth: bool = True,
) -> Evaluation:
    """Compare a trained model, or several as one, with the exact fields, and write what is found.

    Parameters
    ----------
    run : Run or path, or a sequence of them
        A finished run, or its directory. Of several, the mean of their predictions is judged as
        one, and whether their spread tells its error.
    split : str
        ``"test"``, ``"validation"`` or ``"train"``.
    data : Dataset or path, optional
        Another data set with the same fields, or where it is stored, to see how the model does
        beyond what it was trained on. Its grid may differ where the model allows that.
    metrics : sequence of str
        Registered metrics beside those of the task.
    batch_size : int
        Samples that go through the model at a time.
    dropout_draws : int
        How often to predict with dropout on, two times or more: the mean is judged, and whether the
        spread of the draws tells its error. 0 predicts once, without dropout.
    symmetries : bool
        Whether to judge the mean of what is predicted for each symmetry of the task: the eight of
        the square, or the reflection.
    n_draws : int
        Resampled sets behind each bootstrap interval.
    seed : int
        Of the resampling and of the dropout.
    keep_predictions : bool
        Whether to write ``predictions.npz`` with the predicted fields in physical units, and their
        spread as ``FIELD_spread`` where they were predicted more than once.
    worth : bool
        Whether to measure the model's time and that of the exact solver, where the data set has
        one; that takes a few seconds.

    Returns
    -------
    Evaluation
        Also written: ``metrics.json``, ``samples.csv`` and ``figures/data.npz``, into the run
        directory for the test split of its own data, otherwise into ``evaluations/SPLIT-DIGEST`` in
        it. Of several runs it is ``evaluations/ensemble-N-SPLIT-DIGEST`` of the first, with
        dropout ``evaluations/dropout-N-SPLIT-DIGEST``, and averaged over symmetries
        ``evaluations/symmetries-SPLIT-DIGEST``.

    Raises
    ------
    RunError
        If `run` has no trained model, or its data set has changed since.
    UnknownNameError
        If there is no such split or metric.
    StoreError
        If there is no stored data set at the path, or it is not finished.
    DataError
        If the split is empty, or lacks a field, or does not fit the model.
    UsageError
        If the model has no dropout to draw with, or runs differ in their fields or their systems.

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
        raise UsageError(f"a spread needs two draws or more, got {dropout_draws}")
    runs = [run] if isinstance(run, (Run, str, Path)) else run
    trials = _trials(runs, split, data, dropout_draws, symmetries)
    measures = _metrics(trials[0], metrics)
    predicted = predict_trials(
        trials,
        batch_size=batch_size,
        dropout_draws=dropout_draws,
        symmetries=symmetries,
        seed=seed,
        timed=worth and can_be_weighed(trials[0]),
    )
    if keep_predictions:
        _keep(trials[0], predicted)
    rng = np.random.default_rng(seed)
    evaluation = _judge(trials, predicted, measures, dropout_draws, n_draws, rng)
    evaluation.write()
    return evaluation


def _trials(
    runs: Sequence[AnyRun],
    split: str,
    data: Dataset | str | Path | None,
    dropout_draws: int,
    symmetries: bool,
) -> list[Trial]:
    """Return every run on what it is judged on, which is the same for all."""
    counts = {"ensemble": len(runs), "dropout": dropout_draws}
    words = [f"{word}-{count}" for word, count in counts.items() if count > 1]
    label = "-".join([*words, *(["symmetries"] if symmetries else [])])
    opened = [run if isinstance(run, Run) else Run.open(run) for run in runs]
    trials = [Trial(run, _dataset(run, data), split, label) for run in opened]
    _require_the_same(trials)
    return trials


def _dataset(run: Run, data: Dataset | str | Path | None) -> Dataset:
    """Return the run's own data set, the one stored at a path, or `data` itself."""
    if data is None:
        return run.load_dataset()
    # Not through the task: its settings, such as the size of the box, need not be those of other
    # data.
    return StoredDataset(open_store(data)) if isinstance(data, (str, Path)) else data


def _require_the_same(trials: Sequence[Trial]) -> None:
    """Check that all runs make the same fields of the same systems."""
    if not trials:
        raise UsageError("there are no runs to judge; give one, or several for an ensemble")
    first, *others = trials
    for other in others:
        what = (list(other.pipeline.targets), other.systems)
        if what != (list(first.pipeline.targets), first.systems):
            raise UsageError(
                f"{other.run.path} and {first.run.path} do not predict the same fields of the same "
                "systems; name the data for all of them with --data, or leave one out"
            )


def _metrics(trial: Trial, more: Sequence[str]) -> dict[str, keras.metrics.Metric]:
    """Return the metrics of the task, and those that were asked for beside them."""
    task = trial.run.task
    own = dict(zip(task.metrics, task.build_metrics(), strict=True))
    return {**own, **{name: registry.metric(name) for name in more if name not in own}}


def _keep(trial: Trial, predicted: Predicted) -> None:
    """Write the predictions, and their spread where there is one."""
    spread = {f"{name}_spread": values for name, values in predicted.draws.spread.items()}
    with replacing(trial.folder / "predictions.npz") as temporary:
        np.savez(temporary, **cast("dict[str, Any]", {**predicted.fields, **spread}))


def _judge(
    trials: Sequence[Trial],
    predicted: Predicted,
    metrics: dict[str, keras.metrics.Metric],
    dropout_draws: int,
    n_draws: int,
    rng: np.random.Generator,
) -> Evaluation:
    """Return what the comparison of the prediction with the exact fields finds."""
    trial, prediction = trials[0], predicted.fields
    from keras_qd.report.report import view_of

    view = view_of(trial.pipeline)
    scores, columns = score(metrics, trial.comparisons(prediction), n_draws=n_draws, rng=rng)
    uncertainty: Uncertainty | None = None
    if predicted.draws.count > 1:
        uncertainty, spread = judge_spread(trials, predicted.draws, dropout_draws, rng)
        columns |= spread
    return Evaluation(
        folder=trial.folder,
        data={**trial.describe(), "baseline": view.baseline},
        scores=tuple(scores),
        samples={**trial.table(), **columns},
        examples=tuple(_examples(trial, prediction, scores, columns)),
        parities=tuple(view.parities(trial, prediction)),
        seconds=predicted.seconds,
        kept=view.keep(trial, prediction),
        uncertainty=uncertainty,
        worth=measure_worth(trials, predicted.times) if predicted.times else None,
    )


def _examples(
    trial: Trial, prediction: dict[str, Array], scores: list[Score], columns: dict[str, Array]
) -> list[Example]:
    """Return the best, the median and the worst system."""
    ranking = ranking_score(scores)
    if ranking is None:
        return []
    return pick(
        columns[ranking.column],
        trial.inputs,
        trial.targets,
        prediction,
        higher_is_better=ranking.higher_is_better,
    )
