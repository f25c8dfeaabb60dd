"""One metric of one field: its value over a set, how sure it is, and its value for every system."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from keras_qd.metrics import Context, FieldMetric, unit_of

if TYPE_CHECKING:
    import keras


#: The quantiles that every summary gives.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: How many of the worst systems a summary names.
N_WORST = 5


def summarise(values: ArrayLike, *, higher_is_better: bool = False) -> dict[str, Any]:
    """Return mean, spread, quantiles and the worst cases of one value a system.

    Parameters
    ----------
    values : array_like, shape (n,)
        One value a system. Values that are not finite are counted and left out.
    higher_is_better : bool
        Whether the worst values are the smallest.

    Returns
    -------
    dict
        ``mean``, ``std``, ``min``, ``max``, ``quantiles`` (by name: ``"0.05"``), ``worst`` (list of
        ``index`` and ``value``, worst first) and ``n_undefined``.

    Examples
    --------
    >>> summary = summarise([0.1, 0.4, 0.2, 0.3])
    >>> summary["mean"], summary["quantiles"]["0.5"], summary["worst"][0]
    (0.25, 0.25, {'index': 1, 'value': 0.4})
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    if not known.size:
        return {"n_undefined": int(values.size)}
    found = values[known]
    order = np.argsort(found if higher_is_better else -found, kind="stable")[:N_WORST]
    return {
        "mean": float(found.mean()),
        "std": float(found.std()),
        "min": float(found.min()),
        "max": float(found.max()),
        "quantiles": {str(share): float(np.quantile(found, share)) for share in QUANTILES},
        "worst": [{"index": int(known[i]), "value": float(found[i])} for i in order],
        "n_undefined": int(values.size - known.size),
    }


def resampled_means(
    terms: Mapping[Any, Array], n_draws: int, rng: np.random.Generator
) -> dict[Any, Array]:
    """Return the means of terms over sets drawn with replacement: the bootstrap.

    Parameters
    ----------
    terms : mapping to ndarray, shape (n, k)
        The terms of the systems of some metrics, by any key. All are resampled with the same draws,
        which takes one pass.
    n_draws : int
        Number of drawn sets.
    rng : numpy.random.Generator
        Source of the draws.

    Returns
    -------
    dict to ndarray, shape (n_draws, k)

    References
    ----------
    B. Efron, Ann. Statist. 7, 1 (1979), doi:10.1214/aos/1176344552.
    """
    stacked = np.concatenate(list(terms.values()), axis=1)
    n_samples = len(stacked)
    means = np.empty((n_draws, stacked.shape[1]))
    for draw in range(n_draws):
        # How often each system was drawn: one product with the terms, no copies of them.
        counts = np.bincount(rng.integers(n_samples, size=n_samples), minlength=n_samples)
        means[draw] = counts @ stacked / n_samples
    edges = np.cumsum([0, *(part.shape[1] for part in terms.values())])
    return {
        key: means[:, first:last]
        for key, first, last in zip(terms, edges[:-1], edges[1:], strict=True)
    }


def central_interval(values: ArrayLike, share: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of the central `share` of the values; None where some are undefined.

    Examples
    --------
    >>> central_interval(np.arange(101), share=0.5)
    (25.0, 75.0)
    """
    values = np.asarray(values, dtype=np.float64)
    if not values.size or not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


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
        :func:`~keras_qd.evaluation.scores.summarise` of the systems' own values; empty for
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
        Registered name -> metric. One of keras-qd
        (:class:`keras_qd.metrics.FieldMetric`) gives a value a system and an interval; any
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
        if isinstance(metric, FieldMetric)
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
