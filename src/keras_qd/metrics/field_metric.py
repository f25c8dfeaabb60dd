"""What all metrics on fields have in common: a Keras metric that is a `Measure` besides."""

from __future__ import annotations

from typing import Any

import keras

from keras_qd.metrics import tensors
from keras_qd.metrics.measure import NO_CONTEXT, Array, Context


class FieldMetric(keras.metrics.Metric):
    """Base of the metrics: streams over batches, and is exact on whole arrays.

    A subclass sets the class attributes, `default_name` to the name that it is registered by.

    Parameters
    ----------
    name : str, optional
        Name in logs and tables.
    dtype : str or dtype policy, optional
        What to compute in while streaming; at least single precision, whatever the network's own.

    Examples
    --------
    >>> from keras_qd.metrics import L2
    >>> isinstance(L2(), FieldMetric), L2().unit
    (True, '{field}')
    """

    default_name: str
    title = ""
    unit = "{field}"
    higher_is_better = False

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name or self.default_name, dtype=tensors.accumulation_dtype(dtype))

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return the terms of every system, shape (n, k); see `Measure`."""
        raise NotImplementedError

    def combine(self, means: Array) -> Array:
        """Return the value of sets from the means of their terms; see `Measure`."""
        raise NotImplementedError

    def per_sample(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every system's own value, in double precision; see `Measure`."""
        return self.combine(self.terms(reference, prediction, context))

    def over_set(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> float:
        """Return the value of the whole set, in double precision; see `Measure`."""
        terms = self.terms(reference, prediction, context)
        return float(self.combine(terms.mean(axis=0))) if len(terms) else float("nan")
