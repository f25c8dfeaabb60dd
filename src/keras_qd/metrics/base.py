"""The base of every metric: one formula, for batches of tensors and for whole arrays."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import DataError, UsageError

Array = NDArray[np.float64]

#: Values per block: half a MiB in double precision, so that a few blocks fit a core's own cache.
BLOCK_VALUES = 2**16


@dataclass(frozen=True)
class Context:
    """What some metrics need besides the two arrays; each metric uses the parts it needs.

    Parameters
    ----------
    length : float or ndarray of shape (n,), optional
        Side of the box, in the unit in which lengths are reported; one for all systems or one for
        each.
    density : array_like, optional
        Densities with the shape of the compared arrays: the weight of density-weighted metrics.
    data_range : float, optional
        Range of the data for `SSIM`, `MultiScaleSSIM` and `PSNR`. By default they use the range of
        the reference over the set.

    Examples
    --------
    >>> Context(length=10.0, data_range=1.0).length
    10.0
    """

    length: float | Array | None = None
    density: ArrayLike | None = None
    data_range: float | None = None

    def block(self, block: slice) -> Context:
        """Return the context of some of the systems.

        Parameters
        ----------
        block : slice
            The selected systems.

        Returns
        -------
        Context
            The same, with everything that has a sample axis cut to the block.
        """
        length, density = self.length, self.density
        if length is not None and np.ndim(length) > 0:
            length = np.asarray(length)[block]
        if density is not None:
            # Slice first: the density may be an array on disk.
            density = np.asarray(density[block])  # type: ignore[index]
        return replace(self, length=length, density=density)


NO_CONTEXT = Context()

#: Kinds of target with values that can be subtracted, and those with several points in space.
QUANTITIES: tuple[str, ...] = ("numbers", "lines", "maps")
FIELDS: tuple[str, ...] = ("lines", "maps")


class FieldMetric(keras.metrics.Metric):
    """Base of the metrics: accumulates over batches in `fit`, and evaluates whole arrays exactly.

    A subclass sets the class attributes and defines `values`, the formula. The value of a set is
    the mean over its systems. Metrics that are a function of such means (``rmse`` is the root of a
    mean square) set `n_terms` and override `combine`, too.

    Parameters
    ----------
    name : str, optional
        Name in logs and tables; `default_name` by default.
    dtype : str or dtype policy, optional
        Precision during training; at least single, whatever the network's own.

    Attributes
    ----------
    default_name : str
        The name that the metric is registered under.
    title : str
        The name in tables and figures.
    unit : str
        Template of the unit: ``"{field}"`` for that of the compared field, ``"{length}"`` for that
        of `Context.length`, empty for a pure number. See `unit_of`.
    higher_is_better : bool
        Whether larger values are better.
    streams : bool
        Whether the metric works batch by batch in ``fit``. If not, `values` is only called with
        NumPy, and a task that follows the metric computes it on the validation split after each
        epoch.
    flattened : bool
        Whether `values` receives each system as one row, shape (n, k); otherwise as it is.
    n_terms : int
        Number of values per system that `values` returns.
    physical : bool
        Whether the metric is only meaningful in physical units: evaluations then leave it out in
        the scaled values of the network.
    typical : bool
        Whether the value of a single system means something, as for most metrics: tables show the
        median and the worst. That of `R2` compares one system with the spread of all.
    headline : str
        The value in a sentence, ``"{} of the charge is misplaced"``; empty for the title and value.
    conserved : bool
        Whether the metric measures a conserved quantity that every mean of exact fields has right:
        the mean image is then no baseline.
    suits : tuple of str
        Kinds of target that the metric is defined for, of ``"classes"``, ``"numbers"``, ``"lines"``
        and ``"maps"``: a task computes it for these alone.

    Notes
    -----
    ``sample_weight``, where Keras passes one, weights whole systems: the value is then the weighted
    mean. A system of weight zero does not count even if its value is infinite. Without any system
    the value is NaN. During training sums are in single precision, with relative errors of about
    1e-6; on arrays everything is in double precision.

    Examples
    --------
    >>> class LargestError(FieldMetric):
    ...     default_name, title = "largest-error", "Largest error"
    ...
    ...     def values(self, xp, y, p):
    ...         return xp.max(xp.abs(p - y), axis=1)
    >>> metric = LargestError()
    >>> metric.over_set([[1.0, 2.0], [3.0, 4.0]], [[1.0, 5.0], [3.0, 5.0]])
    2.0
    >>> metric.update_state([[1.0, 2.0]], [[1.0, 5.0]])
    >>> metric.update_state([[3.0, 4.0]], [[3.0, 5.0]])
    >>> float(metric.result())
    2.0
    """

    default_name: str | None = None
    title = ""
    unit = "{field}"
    higher_is_better = False
    streams = True
    flattened = True
    n_terms = 1
    physical = False
    typical = True
    conserved = False
    headline = ""
    suits: tuple[str, ...] = ("classes", "numbers", "lines", "maps")

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name or self.default_name, dtype=_at_least_single(dtype))
        self._add_state()

    def values(self, xp: Any, y: Any, p: Any) -> Any:
        """Return the value of every system: the formula of the metric.

        Parameters
        ----------
        xp : module
            ``numpy`` or ``keras.ops``: use only functions that both have under one name.
        y, p : ndarray or tensor, shape (n, k), or (n, ...) if `flattened` is false
            The exact and the predicted field, of one shape and dtype.

        Returns
        -------
        ndarray or tensor, shape (n,), or (n, n_terms)
            The values.
        """
        raise NotImplementedError

    def combine(self, means: Any, xp: Any = np) -> Any:
        """Return the value of sets from the means of their systems' values.

        Evaluations call it for a set, for every system and for resampled sets::

            terms = metric.terms(reference, prediction)      # (n, n_terms)
            metric.combine(terms.mean(axis=0))               # over_set
            metric.combine(terms)                            # per_sample, (n,)
            metric.combine(terms[draws].mean(axis=1))        # bootstrap, draws: (n_draws, n)

        Parameters
        ----------
        means : ndarray or tensor, shape (..., n_terms)
            Means over the systems of each set.
        xp : module
            ``numpy`` or ``keras.ops``, to match `means`.

        Returns
        -------
        ndarray or tensor, shape (...)
            The value of each set.
        """
        return means[..., 0]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add the systems of a batch.

        Parameters
        ----------
        y_true, y_pred : tensor or array_like, shape (batch, ...)
            The exact and the predicted field.
        sample_weight : tensor or array_like, shape (batch,), optional
            One weight per system.

        Raises
        ------
        DataError
            If the shapes do not match.
        UsageError
            If the metric works on whole arrays only.
        """
        y, p = self._tensors(y_true, y_pred)
        self._add(self.values(ops, y, p), sample_weights(sample_weight, y))

    def result(self) -> Any:
        """Return the value of the systems so far.

        Returns
        -------
        tensor, shape ()
            The value; NaN without any system.
        """
        if not self.streams:
            return ops.convert_to_tensor(float("nan"), dtype=self.dtype)
        return self.combine(self._total / self._weight, ops)

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return the values of every system in double precision, before `combine`.

        Parameters
        ----------
        reference, prediction : array_like, shape (n, ...)
            The exact and the predicted field: NumPy arrays, or anything that slices to them, such
            as a Zarr array. A trailing axis of length one may be missing in one of the two.
        context : Context, optional
            What the metric needs besides them.

        Returns
        -------
        ndarray, shape (n, n_terms)
            The values.

        Raises
        ------
        DataError
            If the shapes do not match.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = [self.array_values(*block) for block in blocks(reference, prediction, context)]
        return np.concatenate(parts).reshape(-1, self.n_terms)

    def array_values(self, y: Array, p: Array, context: Context) -> Array:
        """Return `values` of a block of arrays; override it to use the context.

        Parameters
        ----------
        y, p : ndarray, shape (m, ...)
            The exact and the predicted field.
        context : Context
            Cut to the block.

        Returns
        -------
        ndarray, shape (m,) or (m, n_terms)
            The values.
        """
        y, p = (flat(np, y), flat(np, p)) if self.flattened else (y, p)
        return np.asarray(self.values(np, y, p))

    def per_sample(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every system's own value, in double precision.

        Parameters
        ----------
        reference, prediction : array_like, shape (n, ...)
            As for `terms`.
        context : Context, optional
            What the metric needs besides them.

        Returns
        -------
        ndarray, shape (n,)
            The values.
        """
        return np.asarray(self.combine(self.terms(reference, prediction, context)))

    def over_set(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> float:
        """Return the value of the whole set, in double precision.

        Parameters
        ----------
        reference, prediction : array_like, shape (n, ...)
            As for `terms`.
        context : Context, optional
            What the metric needs besides them.

        Returns
        -------
        float
            The value; NaN for a set without systems.
        """
        terms = self.terms(reference, prediction, context)
        return float(self.combine(terms.mean(axis=0))) if len(terms) else float("nan")

    def _add_state(self) -> None:
        """Create the variables."""
        if self.streams:
            self._total = self.add_variable((self.n_terms,), "zeros", name="total")
            self._weight = self.add_variable((), "zeros", name="weight")

    def _add(self, values: Any, weights: Any) -> None:
        """Add values of shape (batch,) or (batch, n_terms), with weights of shape (batch,)."""
        values, weights = ops.reshape(values, (-1, self.n_terms)), weights[:, None]
        weighted = ops.where(weights == 0, ops.zeros_like(values), weights * values)
        self._total.assign(self._total + ops.sum(weighted, axis=0))
        self._weight.assign(self._weight + ops.sum(weights))

    def _tensors(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """Return reference and prediction as tensors of one shape and the metric's dtype."""
        if not self.streams:
            raise UsageError(
                f"{self.name} is computed on whole arrays only: leave it out of compile and call "
                "over_set(reference, prediction); a task that follows it does so after each epoch"
            )
        y, p = (ops.cast(ops.convert_to_tensor(each), self.dtype) for each in (y_true, y_pred))
        check_shapes(tuple(y.shape), tuple(p.shape))
        shape = (-1, math.prod(y.shape[1:])) if self.flattened else (-1, *y.shape[1:])
        return ops.reshape(y, shape), ops.reshape(p, shape)


def unit_of(metric: FieldMetric, field: str = "", length: str = "") -> str:
    """Return the unit of a metric's values.

    Parameters
    ----------
    metric : FieldMetric
        The metric.
    field : str
        Unit of the compared field.
    length : str
        Unit of `Context.length`.

    Returns
    -------
    str
        The unit; empty for a pure number.

    Examples
    --------
    >>> from keras_qd.metrics import MSE, SecondMomentError
    >>> unit_of(SecondMomentError(), field="1/a0*^2", length="a0*")
    'a0*^2'
    >>> unit_of(MSE(), field="")
    ''
    """
    unit = metric.unit.format(field=field, length=length)
    # The square of a pure number is one, too.
    return "" if unit.startswith("^") else unit


def flat(xp: Any, values: Any) -> Any:
    """Return values with all but the sample axis flattened, shape (n, values per system)."""
    return xp.reshape(values, (-1, math.prod(values.shape[1:])))


def blocks(
    reference: Any, prediction: Any, context: Context = NO_CONTEXT
) -> Iterator[tuple[Array, Array, Context]]:
    """Yield consecutive systems of both arrays and the context, in double precision."""
    reference, prediction = (
        each if hasattr(each, "shape") else np.asarray(each) for each in (reference, prediction)
    )
    check_shapes(tuple(reference.shape), tuple(prediction.shape))
    for block in block_slices(tuple(reference.shape)):
        y = np.asarray(reference[block], dtype=np.float64)
        p = np.asarray(prediction[block], dtype=np.float64).reshape(y.shape)
        yield y, p, context.block(block)


def block_slices(shape: tuple[int, ...]) -> list[slice]:
    """Return consecutive slices of the sample axis, of about `BLOCK_VALUES` values each."""
    step = max(1, BLOCK_VALUES // max(1, math.prod(shape[1:])))
    starts = range(0, max(1, shape[0]), step)
    return [slice(start, min(start + step, shape[0])) for start in starts]


def check_shapes(reference: tuple[int | None, ...], prediction: tuple[int | None, ...]) -> None:
    """Raise a DataError unless both hold the same systems on the same grid."""
    if not reference or not prediction:
        raise DataError("metrics compare arrays with a leading sample axis, got single numbers")
    if not _agree(_without_channel(reference), _without_channel(prediction)):
        raise DataError(
            f"reference and prediction differ in shape: {reference} and {prediction}; both need "
            "the same systems on the same grid"
        )


def sample_weights(sample_weight: Any, values: Any) -> Any:
    """Return one weight per system, shape (batch,), in the dtype of the values."""
    if sample_weight is None:
        return ops.ones(ops.shape(values)[:1], dtype=values.dtype)
    weights = ops.cast(ops.convert_to_tensor(sample_weight), values.dtype)
    shape = tuple(weights.shape)
    if len(shape) > 1 and set(shape[1:]) == {1}:
        weights = ops.reshape(weights, (-1,))
    if not _agree(tuple(weights.shape), tuple(values.shape)[:1]):
        raise DataError(
            f"sample_weight has shape {shape}; this metric takes one weight per system, shape "
            f"({values.shape[0]},)"
        )
    return weights


def _agree(a: tuple[int | None, ...], b: tuple[int | None, ...]) -> bool:
    """Whether two shapes may be the same; an unknown length agrees with any."""
    pairs = zip(a, b, strict=False)
    return len(a) == len(b) and all(m == n or m is None or n is None for m, n in pairs)


def _without_channel(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Return the shape without a trailing axis of length one, but never without the sample axis."""
    return shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape


def _at_least_single(dtype: Any) -> Any:
    """Return the dtype to compute in: the wanted one, or single in place of a half precision."""
    wanted = dtype or keras.config.floatx()
    name = getattr(wanted, "compute_dtype", wanted)
    return "float32" if name in ("float16", "bfloat16") else wanted
