"""Checks of a metric: the same value in every batching, inside ``evaluate`` and after saving."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_qd import registry
from keras_qd.errors import UsageError
from keras_qd.metrics import Context, FieldMetric, unit_of
from keras_qd.testing.findings import Findings, check_elsewhere, find_registered, survives_json

#: Sizes of the batches that a set is divided into, besides all at once.
_BATCHINGS = ((1,), (2, 3))
_TOLERANCE = 1e-5


def check_metric(
    name: str,
    *,
    reference: ArrayLike | None = None,
    prediction: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    config: Mapping[str, Any] | None = None,
    backends: Sequence[str] | None = None,
) -> None:
    """Check a registered metric.

    It must be registered under its own name and return one finite number, the same however the
    samples are divided into batches, in single and in double precision, after a reset, inside
    ``evaluate`` of a model and after saving and loading. A :class:`keras_qd.metrics.FieldMetric`
    must return the same value on whole arrays; one that works there only (``streams`` is false)
    must refuse batches with a :class:`~keras_qd.errors.UsageError`. All that on every installed
    backend.

    Parameters
    ----------
    name : str
        The registered name.
    reference, prediction : array_like, shape (n, ...), optional
        The arrays to compare, n at least 4; by default seven positive fields of 16 x 16 values, and
        predictions a few per cent off. Give both or neither.
    weights : array_like, optional
        ``sample_weight`` for metrics that need one; on whole arrays it is the density of the
        :class:`~keras_qd.metrics.Context`.
    config : mapping, optional
        Settings of the metric.
    backends : sequence of str, optional
        Where to check, as for :func:`check_model`.

    Raises
    ------
    ConformanceError
        If anything is wrong; it lists all that is.
    UsageError
        If only one of reference and prediction is given, or they have fewer than four samples.
    UnknownNameError
        If one of the backends is not installed.

    Examples
    --------
    >>> from keras_qd.testing import check_metric
    >>> check_metric("l1", backends=())
    """
    case = _Case(name, dict(config or {}), *_arrays(reference, prediction, weights))
    found = Findings(f"the metric {name!r}")
    if find_registered(found, "metrics", name) is not None:
        _check_built(found, case)
        settings = {
            "reference": case.reference.tolist(),
            "prediction": case.prediction.tolist(),
            "weights": None if case.weights is None else case.weights.tolist(),
            "config": case.config,
        }
        check_elsewhere(found, "check_metric", "metrics", name, settings, backends)
    found.raise_if_any()


class _Case:
    """A metric's name and settings, and the arrays it is checked on."""

    def __init__(
        self,
        name: str,
        config: dict[str, Any],
        reference: np.ndarray,
        prediction: np.ndarray,
        weights: np.ndarray | None,
    ) -> None:
        self.name, self.config = name, config
        self.reference, self.prediction, self.weights = reference, prediction, weights

    def make(self) -> Any:
        """Return a fresh metric."""
        return registry.metric(self.name, **self.config)

    def stream(self, metric: Any, sizes: Sequence[int], dtype: str = "float32") -> float:
        """Update a metric batch by batch and return its result."""
        start = turn = 0
        while start < len(self.reference):
            stop = start + sizes[turn % len(sizes)]
            self.update(metric, slice(start, stop), dtype)
            start, turn = stop, turn + 1
        return self.result(metric)

    def update(self, metric: Any, part: slice, dtype: str = "float32") -> None:
        """Update a metric with some samples."""
        weights = {} if self.weights is None else {"sample_weight": self.weights[part]}
        metric.update_state(
            self.reference[part].astype(dtype), self.prediction[part].astype(dtype), **weights
        )

    def result(self, metric: Any) -> float:
        """Return the result of a metric; that it is one number is checked elsewhere."""
        return float(np.ravel(ops.convert_to_numpy(metric.result()))[0])

    def alone(self, sample: int) -> float:
        """Return the value of one sample."""
        metric = self.make()
        self.update(metric, slice(sample, sample + 1))
        return self.result(metric)


def _arrays(reference: Any, prediction: Any, weights: Any) -> tuple[Any, Any, Any]:
    if (reference is None) != (prediction is None):
        raise UsageError("give both reference and prediction, or neither")
    if reference is None:
        generator = np.random.default_rng(0)
        reference = generator.uniform(0.5, 1.5, size=(7, 16, 16))
        prediction = reference * (1 + 0.05 * generator.normal(size=reference.shape))
    given = [np.asarray(each, "float32") for each in (reference, prediction)]
    if min(map(len, given)) < 4:
        raise UsageError("a metric is checked on at least four samples; give more")
    return given[0], given[1], None if weights is None else np.asarray(weights, "float32")


def _check_built(found: Findings, case: _Case) -> None:
    metric = found.attempt("building it", case.make)
    if metric is None:
        return
    found.require(
        metric.name == case.name,
        f"its name is {metric.name!r}",
        f"let its name be {case.name!r} by default, so that a task can monitor it",
    )
    found.attempt("reading its configuration", _check_config, found, metric)
    if getattr(metric, "streams", True):
        value = _check_streams(found, case, metric)
        if value is None:
            return
    else:
        value = None
        found.attempt("updating its state", _check_refusal, found, case, metric)
    if isinstance(metric, FieldMetric):
        found.attempt("evaluating whole arrays", _check_arrays, found, case, value)


def _check_config(found: Findings, metric: Any) -> None:
    found.require(
        survives_json(metric.get_config()),
        "its get_config holds what JSON cannot",
        "return plain numbers, text and lists",
    )


def _check_refusal(found: Findings, case: _Case, metric: Any) -> None:
    try:
        case.stream(metric, (len(case.reference),))
    except UsageError:
        return
    found.add("it accepts batches, though its streams is false", "let FieldMetric refuse them")


def _check_streams(found: Findings, case: _Case, metric: Any) -> float | None:
    """Check a metric batch by batch; return its value, None where there is no finite one."""
    value = found.attempt(
        "updating it with all samples at once", case.stream, metric, (len(case.reference),)
    )
    if value is None:
        found.locate(case.alone, len(case.reference))
        return None
    found.attempt("reading its result", _check_result, found, case, metric, value)
    if not np.isfinite(value):
        return None
    found.attempt("updating it in batches", _check_batches, found, case, metric, value)
    found.attempt("making it again from its configuration", _check_copy, found, case, value)
    if case.weights is None:
        found.attempt("using it in evaluate", _check_in_evaluate, found, case, value)
    return value


def _check_result(found: Findings, case: _Case, metric: Any, value: float) -> None:
    if not found.require(
        np.isfinite(value),
        f"its value is {value} for ordinary numbers",
        "document what it needs, and check it on that",
    ):
        found.locate(case.alone, len(case.reference))
    result = metric.result()
    found.require(
        not isinstance(result, keras.Variable),
        "its result is a variable",
        "return a tensor, keras.ops.copy(self.total): JAX needs one",
    )
    shape = tuple(ops.shape(result))
    found.require(shape == (), f"its result has shape {shape}", "return a single number")
    dtype = keras.backend.standardize_dtype(result.dtype)
    found.require(
        dtype in ("float32", "float64"),
        f"its result is {dtype}",
        "sum and return at least single precision",
    )


def _check_batches(found: Findings, case: _Case, metric: Any, value: float) -> None:
    def agrees(other: float, when: str, advice: str) -> None:
        found.require(
            bool(np.isclose(other, value, rtol=_TOLERANCE, atol=1e-7)),
            f"{when} its value is {other:.8g}, all at once {value:.8g}",
            advice,
        )

    for sizes in _BATCHINGS:
        agrees(
            case.stream(case.make(), sizes),
            f"in batches of {' and '.join(map(str, sizes))}",
            "keep sums and counts of samples, not means of batches",
        )
    agrees(
        case.stream(case.make(), (len(case.reference),), "float64"),
        "for the same numbers in double precision",
        "cast both arguments to the metric's dtype first",
    )
    metric.reset_state()
    agrees(
        case.stream(metric, (len(case.reference),)),
        "after reset_state and the same samples again",
        "keep all state in variables, made with add_variable, and let reset_state reset them",
    )


def _check_copy(found: Findings, case: _Case, value: float) -> None:
    metric = case.make()
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    again = case.stream(copy, (len(case.reference),))
    found.require(
        type(copy) is type(metric) and bool(np.isclose(again, value, rtol=_TOLERANCE, atol=1e-7)),
        f"made again from its configuration it is a {type(copy).__name__} with the value "
        f"{again:.8g}, and was a {type(metric).__name__} with {value:.8g}",
        "register the class with keras.saving, and return every setting from get_config",
    )


def _check_in_evaluate(found: Findings, case: _Case, value: float) -> None:
    """Compare with a model that repeats its input: inside it, backends compile the metric."""
    inputs = keras.Input(case.prediction.shape[1:])
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    metric = case.make()
    model.compile(loss="mse", metrics=[metric])
    logs = model.evaluate(
        case.prediction, case.reference, batch_size=2, verbose=0, return_dict=True
    )
    inside = logs[metric.name]
    found.require(
        bool(np.isclose(inside, value, rtol=_TOLERANCE, atol=1e-7)),
        f"inside evaluate its value is {inside:.8g}, outside {value:.8g}",
        "compute with keras.ops only, and change state through variables only",
    )


def _check_arrays(found: Findings, case: _Case, value: float | None) -> None:
    metric = case.make()
    pair = case.reference.astype("float64"), case.prediction.astype("float64")
    context = Context(density=case.weights)

    def call(method: Callable[..., Any]) -> np.ndarray:
        return np.asarray(method(*pair, context))

    whole, each, terms = call(metric.over_set), call(metric.per_sample), call(metric.terms)
    found.require(
        bool(np.isfinite(whole) if value is None else np.isclose(whole, value, rtol=1e-4)),
        f"over_set returns {float(whole):.8g}, batches {value}",
        "let both compute the same formula",
    )
    n_samples = len(case.reference)
    found.require(
        each.shape == (n_samples,) and terms.ndim == 2 and len(terms) == n_samples,
        f"for {n_samples} samples per_sample has shape {each.shape} and terms {terms.shape}",
        "return one value, and one row of terms, for each sample",
    )
    found.require(
        bool(np.allclose(metric.combine(terms.mean(axis=0)), whole, rtol=1e-9, equal_nan=True)),
        "combine of the mean of terms is not over_set",
        "intervals are computed from terms: see keras_qd.metrics.FieldMetric",
    )
    found.require(bool(metric.title), "it has no title", "set one: tables and figures use it")
    unit_of(metric, field="Ha*", length="a0*")
