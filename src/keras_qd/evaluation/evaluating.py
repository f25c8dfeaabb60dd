"""Judge a trained model on systems it never saw."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from keras_qd.data import open_store
from keras_qd.datasets import StoredDataset
from keras_qd.evaluation.examples import Example, pick
from keras_qd.evaluation.prediction import iterate_predictions
from keras_qd.evaluation.result import Evaluation
from keras_qd.evaluation.scores import Score, ranking_score, score
from keras_qd.evaluation.trial import Trial
from keras_qd.evaluation.views.kinds import view_of
from keras_qd.files import replacing
from keras_qd.training.run import Run

if TYPE_CHECKING:
    from keras_qd.datasets import Dataset

Array = NDArray[Any]


def evaluate(
    run: Run | str | Path,
    split: str = "test",
    data: Dataset | str | Path | None = None,
    *,
    batch_size: int = 64,
    n_draws: int = 1000,
    seed: int = 0,
    keep_predictions: bool = False,
) -> Evaluation:
    """Compare a trained model with the exact fields, and write what was found.

    Parameters
    ----------
    run : Run or path
        A finished run, or its directory.
    split : str
        ``"test"``, ``"validation"`` or ``"train"``.
    data : Dataset or path, optional
        Another data set with the same fields, or where it is stored, to see how the model does
        beyond what it was trained on.
    batch_size : int
        Samples that go through the model at a time.
    n_draws : int
        Resampled sets behind each bootstrap interval.
    seed : int
        Of the resampling.
    keep_predictions : bool
        Whether to write ``predictions.npz`` with the predicted fields in physical units.

    Returns
    -------
    Evaluation
        Also written: ``metrics.json``, ``samples.csv`` and ``figures/data.npz``, into the run
        directory for the test split of its own data, otherwise into ``evaluations/SPLIT-DIGEST`` in
        it.

    Raises
    ------
    RunError
        If `run` has no trained model, or its data set has changed since.
    UnknownNameError
        If there is no such split.
    StoreError
        If there is no stored data set at the path, or it is not finished.
    DataError
        If the split is empty, or lacks a field, or does not fit the model.

    Examples
    --------
    >>> evaluation = evaluate("runs/first")  # doctest: +SKIP
    >>> evaluation.score("r2").value  # doctest: +SKIP
    0.991
    """
    run = run if isinstance(run, Run) else Run.open(run)
    trial = Trial(run, _dataset(run, data), split)
    started = time.perf_counter()
    prediction = _predict(trial, batch_size)
    seconds = time.perf_counter() - started
    if keep_predictions:
        with replacing(trial.folder / "predictions.npz") as temporary:
            np.savez(temporary, **cast("dict[str, Any]", prediction))
    evaluation = _judge(trial, prediction, seconds, n_draws, np.random.default_rng(seed))
    evaluation.write()
    return evaluation


def _dataset(run: Run, data: Dataset | str | Path | None) -> Dataset:
    """Return the run's own data set, the one stored at a path, or `data` itself."""
    if data is None:
        return run.load_dataset()
    # Not through the task: its settings, such as the size of the box, need not be those of other
    # data.
    return StoredDataset(open_store(data)) if isinstance(data, (str, Path)) else data


def _predict(trial: Trial, batch_size: int) -> dict[str, Array]:
    """Return the predicted target fields in physical units."""
    pipeline, inputs = trial.run.pipeline(), trial.inputs
    parts = list(
        iterate_predictions(trial.run.load_model(), pipeline, inputs, batch_size=batch_size)
    )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _judge(
    trial: Trial,
    prediction: dict[str, Array],
    seconds: float,
    n_draws: int,
    rng: np.random.Generator,
) -> Evaluation:
    """Return what the comparison of `prediction` with the exact fields finds."""
    task, view = trial.run.task(), view_of(trial.run.pipeline())
    metrics = dict(zip(task.metrics, task.build_metrics(), strict=True))
    scores, columns = score(metrics, trial.comparisons(prediction), n_draws=n_draws, rng=rng)
    return Evaluation(
        folder=trial.folder,
        data={**trial.describe(), "baseline": view.baseline},
        scores=tuple(scores),
        samples={**trial.table(), **columns},
        examples=tuple(_examples(trial, prediction, scores, columns)),
        parities=tuple(view.parities(trial, prediction)),
        seconds=seconds,
        kept=view.keep(trial, prediction),
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
