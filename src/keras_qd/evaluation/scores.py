"""Scores: each metric of each field over a set, its interval, and its value for every system."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd._shown import Tabled
from keras_qd.errors import KerasQDError, PluginError
from keras_qd.metrics import Context, FieldMetric, unit_of

if TYPE_CHECKING:
    import keras


Array = NDArray[Any]
Result = TypeVar("Result")

#: The quantiles of every summary.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Number of worst systems in a summary.
N_WORST = 5


def summarise(values: ArrayLike, *, higher_is_better: bool = False) -> dict[str, Any]:
    """Return mean, spread, quantiles and worst cases of the finite values among (n,)."""
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
    """Return the means of terms (n, k) over `n_draws` resampled sets, all with the same draws."""
    # scipy.stats.bootstrap copies the terms of every draw and takes four times as long: 0.30 s in
    # place of 0.07 s for 1000 draws of four terms of 2000 systems.
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
    """Return the interval of the central `share` of the values; None if some are undefined."""
    values = np.asarray(values, dtype=np.float64)
    if not values.size or not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def divide(values: ArrayLike, n_groups: int) -> list[Array]:
    """Return the indices of up to `n_groups` groups of similar size, equal values together."""
    values = _without_noise(np.asarray(values, dtype=np.float64))
    if not values.size:
        return []
    distinct, inverse = np.unique(values, return_inverse=True)
    if len(distinct) <= n_groups:
        groups = inverse
    else:
        edges = np.quantile(values, np.arange(1, n_groups) / n_groups)
        groups = np.searchsorted(edges, values, side="left")
    return [rows for group in range(n_groups) if (rows := np.flatnonzero(groups == group)).size]


def _without_noise(values: Array) -> Array:
    """Return values rounded to a billionth of their range: 0 and 1e-16 are the same spin."""
    extent = float(np.ptp(values)) if values.size else 0.0
    return np.round((values - values.min()) / extent, 9) if extent > 0 else values


#: Samples per update of a metric that has no definition on arrays.
_BATCH = 256


@dataclass(frozen=True)
class Score(Tabled):
    """One metric of one field in one space.

    Parameters
    ----------
    field, metric : str
        Names of the field and of the metric.
    space : str
        ``"physical"``, or ``"scaled"`` for the values as the network sees them.
    title, unit : str
        Displayed name of the metric, and the unit of its values; empty for a pure number.
    higher_is_better : bool
        Whether larger values are better.
    value : float
        Over the whole set.
    baseline : float
        The same for the mean of the training split as prediction for every input, which a model has
        to beat; NaN for what every mean of exact fields has right, such as the charge.
    interval : tuple of float, optional
        95 % bootstrap interval of the value, over the choice of the systems. None for metrics that
        only stream.
    systems : mapping
        ``mean``, ``std``, ``min``, ``max``, ``quantiles``, ``worst`` and ``n_undefined`` of the
        values of single systems; empty for metrics that only stream.
    typical : bool
        Whether the median and the worst system mean something; see
        :class:`~keras_qd.metrics.FieldMetric`.
    headline : str
        The value in a sentence, such as ``"{} of the charge is misplaced"``; empty for most.

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
    typical: bool = True
    headline: str = ""

    @property
    def loses(self) -> bool:
        """Whether the value is worse than the baseline; False where one of them is undefined."""
        better, worse = self.value, self.baseline
        if not self.higher_is_better:
            better, worse = worse, better
        return better < worse

    @property
    def column(self) -> str:
        """Name of the column of the systems' values in the table of an evaluation."""
        return f"{self.field}_{self.metric}"

    def summary_text(self) -> str:
        """Return the value with its unit, its interval and the trivial baseline, where known."""
        text = f"{self.value:.4g} {self.unit}".rstrip()
        if self.interval is not None:
            text += f" (95 %: {self.interval[0]:.4g} to {self.interval[1]:.4g})"
        if math.isfinite(self.baseline):
            text += f", trivial prediction {self.baseline:.4g}"
        return text

    def _entries(self) -> dict[str, Any]:
        return {f"{self.title} of the {self.field}": self.summary_text()}


def ranking_score(scores: Iterable[Score], field: str | None = None) -> Score | None:
    """Return the first score of a field (the first by default) that has a value per system."""
    found = (each for each in scores if each.systems and each.space == "physical")
    return next((each for each in found if field in (None, each.field)), None)


@dataclass(frozen=True)
class Comparison:
    """Exact, predicted and trivially predicted values (n, ...) of a field in one space."""

    field: str
    space: str
    unit: str
    reference: Array
    prediction: Array
    baseline: Array
    context: Context


def score(
    metrics: Mapping[str, Mapping[str, keras.metrics.Metric]],
    comparisons: list[Comparison],
    *,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[list[Score], dict[str, Array]]:
    """Return the metrics of each field in its comparisons, and the systems' values by column."""
    pairs = [
        (name, metric, each)
        for each in comparisons
        for name, metric in metrics[each.field].items()
        if each.space == "physical" or not getattr(metric, "physical", False)
    ]
    measured = {
        (name, each.field, each.space): _named(name, each, partial(_terms, metric, each))
        for name, metric, each in pairs
        if isinstance(metric, FieldMetric)
    }
    drawn = resampled_means(measured, n_draws, rng) if measured else {}
    scores: list[Score] = []
    columns: dict[str, Array] = {}
    for name, metric, each in pairs:
        key = (name, each.field, each.space)
        if key not in measured:
            scores.append(_named(name, each, partial(_streamed, name, metric, each)))
            continue
        values = metric.combine(measured[key])
        scores.append(_measured(name, metric, each, measured[key], drawn[key], values))
        if each.space == "physical":
            columns[scores[-1].column] = values
    return scores, columns


def _named(name: str, each: Comparison, compute: Callable[[slice], Result]) -> Result:
    """Return what a metric computes; an error of a plug-in's names metric, field and sample."""
    try:
        return compute(slice(None))
    except KerasQDError:
        raise
    except Exception as cause:
        raise PluginError(
            f"the metric {name!r} of the field {each.field!r} fails"
            f"{_first_failing(compute, len(each.reference))}: {type(cause).__name__}: {cause}"
        ) from cause


def _first_failing(compute: Callable[[slice], Any], n_samples: int) -> str:
    """Name the first sample that fails alone; empty if they only fail together."""
    for sample in range(n_samples):
        try:
            compute(slice(sample, sample + 1))
        except Exception:  # code of others may raise anything: the sample is found
            return f", first in sample {sample}"
    return ""


def _terms(metric: FieldMetric, each: Comparison, rows: slice) -> Array:
    return metric.terms(each.reference[rows], each.prediction[rows], each.context.block(rows))


def _measured(
    name: str, measure: Any, each: Comparison, terms: Array, drawn: Array, values: Array
) -> Score:
    """Return the score of a metric that is defined on arrays."""
    better = measure.higher_is_better
    return Score(
        field=each.field,
        metric=name,
        space=each.space,
        title=measure.title,
        unit=unit_of(measure, field=each.unit, length="a0*"),
        higher_is_better=better,
        value=float(measure.combine(terms.mean(axis=0))),
        baseline=math.nan
        if measure.conserved
        else measure.over_set(each.reference, each.baseline, each.context),
        interval=central_interval(measure.combine(drawn)),
        systems=summarise(values, higher_is_better=better),
        typical=measure.typical,
        headline=measure.headline,
    )


def _streamed(name: str, metric: keras.metrics.Metric, each: Comparison, rows: slice) -> Score:
    """Return the score of a Keras metric without a definition on arrays."""
    return Score(
        field=each.field,
        metric=name,
        space=each.space,
        title=str(getattr(metric, "title", name)),
        unit="",
        higher_is_better=bool(getattr(metric, "higher_is_better", False)),
        value=_stream(metric, each.reference[rows], each.prediction[rows]),
        baseline=_stream(metric, each.reference[rows], each.baseline[rows]),
    )


def _stream(metric: keras.metrics.Metric, reference: Array, prediction: Array) -> float:
    """Return a metric after updates in batches, with the channel axis of training."""
    metric.reset_state()
    for batch in _batches(len(reference)):
        pair = (np.asarray(values[batch], dtype=np.float32) for values in (reference, prediction))
        metric.update_state(*(values[..., None] for values in pair))
    from keras import ops

    return float(ops.convert_to_numpy(metric.result()))


def _batches(n_samples: int) -> Iterator[slice]:
    return (slice(start, start + _BATCH) for start in range(0, n_samples, _BATCH))
