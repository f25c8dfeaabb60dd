"""One metric of one field: its value over a set, how sure it is, and its value for every system."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from keras_qd.evaluation.statistics import central_interval, resampled_means, summarise
from keras_qd.metrics.measure import Context, Measure, unit_of

if TYPE_CHECKING:
    import keras

Array = NDArray[np.float64]

#: Samples that a metric without NumPy definition is fed at a time.
_BATCH = 256


@dataclass(frozen=True)
class Score:
    """One metric of one field in one space.

    Parameters
    ----------
    field, metric : str
        Names of the field and of the metric.
    space : str
        ``"physical"``, or ``"scaled"`` for the values as the network sees them.
    title, unit : str
        The metric's name for people, and the unit of its values; empty for a pure number.
    higher_is_better : bool
        Which way is better.
    value : float
        Over the whole set.
    baseline : float
        The same for a prediction that is the mean of the training split, whatever the input: what a
        model has to beat.
    interval : tuple of float, optional
        95 % bootstrap interval of the value, over the choice of the systems. None for metrics that
        only stream.
    systems : mapping
        :func:`~keras_qd.evaluation.statistics.summarise` of the systems' own values; empty for
        metrics that only stream.

    Examples
    --------
    >>> score = Score("density", "r2", "physical", "R2", "", True, 0.98, 0.0)
    >>> score.value > score.baseline
    True
    """

    field: str
    metric: str
    space: str
    title: str
    unit: str
    higher_is_better: bool
    value: float
    baseline: float
    interval: tuple[float, float] | None = None
    systems: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def column(self) -> str:
        """Name of the column of the systems' values in the table of an evaluation."""
        return f"{self.field}_{self.metric}"


def ranking_score(scores: Iterable[Score], field: str | None = None) -> Score | None:
    """Return the score that systems are ranked by: the first one that has a value a system.

    Parameters
    ----------
    scores : iterable of Score
        In the order of the task's metrics.
    field : str, optional
        The target field; the first one by default.
    """
    found = (each for each in scores if each.systems and each.space == "physical")
    return next((each for each in found if field in (None, each.field)), None)


@dataclass(frozen=True)
class Comparison:
    """A field's exact values, the model's and the trivial prediction of them, in one space.

    Parameters
    ----------
    field, space, unit : str
        What is compared, where, and in which unit.
    reference, prediction, baseline : ndarray, shape (n, ...)
        The exact, the predicted and the trivially predicted values.
    context : Context
        What some metrics need beside them.
    """

    field: str
    space: str
    unit: str
    reference: Array
    prediction: Array
    baseline: Array
    context: Context


def score(
    metrics: Mapping[str, keras.metrics.Metric],
    comparisons: list[Comparison],
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[list[Score], dict[str, Array]]:
    """Compute every metric of every comparison.

    Parameters
    ----------
    metrics : mapping of str to keras.metrics.Metric
        Registered name -> metric. One with a NumPy definition
        (:class:`keras_qd.metrics.measure.Measure`) gives a value a system and an interval; any
        other is fed in batches and gives the value alone.
    comparisons : list of Comparison
        What is compared.
    n_draws : int
        Resampled sets behind each interval.
    rng : numpy.random.Generator
        Source of the resampling.

    Returns
    -------
    list of Score, dict of str to ndarray
        The scores, and the values of every system in physical units, by column ``FIELD_METRIC``.
    """
    pairs = [(name, metric, each) for each in comparisons for name, metric in metrics.items()]
    measured = {
        (name, each.field, each.space): metric.terms(each.reference, each.prediction, each.context)
        for name, metric, each in pairs
        if isinstance(metric, Measure)
    }
    drawn = resampled_means(measured, n_draws, rng) if measured else {}
    scores: list[Score] = []
    columns: dict[str, Array] = {}
    for name, metric, each in pairs:
        key = (name, each.field, each.space)
        if key not in measured:
            scores.append(_streamed(name, metric, each))
            continue
        values = metric.combine(measured[key])
        scores.append(_measured(name, metric, each, measured[key], drawn[key], values))
        if each.space == "physical":
            columns[scores[-1].column] = values
    return scores, columns


def _measured(
    name: str, measure: Any, each: Comparison, terms: Array, drawn: Array, values: Array
) -> Score:
    """Return the score of a metric that has a NumPy definition."""
    better = measure.higher_is_better
    return Score(
        field=each.field,
        metric=name,
        space=each.space,
        title=measure.title,
        unit=unit_of(measure, field=each.unit, length="a0*"),
        higher_is_better=better,
        value=float(measure.combine(terms.mean(axis=0))),
        baseline=measure.over_set(each.reference, each.baseline, each.context),
        interval=central_interval(measure.combine(drawn)),
        systems=summarise(values, higher_is_better=better),
    )


def _streamed(name: str, metric: keras.metrics.Metric, each: Comparison) -> Score:
    """Return the score of a metric that is a Keras metric and nothing more."""
    return Score(
        field=each.field,
        metric=name,
        space=each.space,
        title=str(getattr(metric, "title", name)),
        unit="",
        higher_is_better=bool(getattr(metric, "higher_is_better", False)),
        value=_stream(metric, each.reference, each.prediction),
        baseline=_stream(metric, each.reference, each.baseline),
    )


def _stream(metric: keras.metrics.Metric, reference: Array, prediction: Array) -> float:
    """Feed a Keras metric in batches, with the channel axis that it sees in training."""
    metric.reset_state()
    for batch in _batches(len(reference)):
        pair = (np.asarray(values[batch], dtype=np.float32) for values in (reference, prediction))
        metric.update_state(*(values[..., None] for values in pair))
    return float(ops.convert_to_numpy(metric.result()))


def _batches(n_samples: int) -> Iterator[slice]:
    return (slice(start, start + _BATCH) for start in range(0, n_samples, _BATCH))
