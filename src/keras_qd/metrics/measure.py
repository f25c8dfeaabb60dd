"""What evaluation asks of a metric: exact values on NumPy arrays, with a title and a unit.

A metric of keras-qd is two things in one object: a `keras.metrics.Metric`, which streams inside
``fit`` and ``evaluate``, and a `Measure`, which works on whole arrays in double precision. A metric
from elsewhere that is only the former is still usable: feed it through ``update_state`` and
``result``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Context:
    """What some metrics need to know beside the two arrays; every one takes what concerns it.

    Parameters
    ----------
    length : float or ndarray of shape (n,), optional
        Side of the box, in the unit in which lengths are to be reported; one for all systems or one
        each.
    density : array_like, optional
        Densities with the shape of the compared arrays: the weight of density-weighted metrics.
    data_range : float, optional
        Range of the data for `ssim` and `psnr`. Without it they take the reference's range over the
        set.

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
            Which systems.

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


@runtime_checkable
class Measure(Protocol):
    """A metric that can be evaluated on NumPy arrays.

    The value of a set is a function, `combine`, of the mean over its systems of some `terms`. For
    most metrics there is one term and `combine` returns it: the mean over systems. For ``rmse`` the
    term is the mean square and `combine` the root; for ``r2`` there are two terms, the squares of
    residual and deviation. So one pass over the arrays gives the set's value, every system's own
    value, and the values of resampled sets::

        terms = metric.terms(reference, prediction)      # (n, k)
        metric.combine(terms.mean(axis=0))                # over_set
        metric.combine(terms)                             # per_sample, (n,)
        metric.combine(terms[draws].mean(axis=1))         # bootstrap, draws: (n_draws, n) indices

    Attributes
    ----------
    name : str
        The registered name.
    title : str
        The name for people, as in a table's head.
    unit : str
        Template of the value's unit: ``"{field}"`` for the unit of the compared field,
        ``"{length}"`` for that of `Context.length`, and empty for a pure number. See `unit_of`.
    higher_is_better : bool
        Which way a leaderboard sorts.

    Examples
    --------
    >>> from keras_qd.metrics import RMSE
    >>> rmse = RMSE()
    >>> isinstance(rmse, Measure)
    True
    >>> terms = rmse.terms([[0.0], [0.0]], [[3.0], [4.0]])
    >>> terms.tolist(), rmse.combine(terms).tolist()
    ([[9.0], [16.0]], [3.0, 4.0])
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool

    def terms(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return the terms of every system.

        Parameters
        ----------
        reference, prediction : array_like, shape (n, ...)
            The exact and the predicted field; NumPy arrays or anything that slices to them.
        context : Context, optional
            What the metric needs beside them.

        Returns
        -------
        ndarray, shape (n, k)
            The terms, in double precision.
        """

    def combine(self, means: Array) -> Array:
        """Return the value of sets from the means of their terms.

        Parameters
        ----------
        means : ndarray, shape (..., k)
            Means of the terms over the systems of each set.

        Returns
        -------
        ndarray, shape (...)
            The value of each set.
        """

    def per_sample(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> Array:
        """Return every system's own value.

        Parameters
        ----------
        reference, prediction : array_like, shape (n, ...)
            The exact and the predicted field; NumPy arrays or anything that slices to them.
        context : Context, optional
            What the metric needs beside them.

        Returns
        -------
        ndarray, shape (n,)
            The values.

        Raises
        ------
        DataError
            If the shapes do not fit.
        """

    def over_set(self, reference: Any, prediction: Any, context: Context = NO_CONTEXT) -> float:
        """Return the value of the whole set; NaN for a set without systems.

        Parameters
        ----------
        reference, prediction : array_like, shape (n, ...)
            The exact and the predicted field; NumPy arrays or anything that slices to them.
        context : Context, optional
            What the metric needs beside them.

        Returns
        -------
        float
            The value.

        Raises
        ------
        DataError
            If the shapes do not fit.
        """


def unit_of(measure: Measure, field: str = "", length: str = "") -> str:
    """Return the unit of a metric's values.

    Parameters
    ----------
    measure : Measure
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
    >>> from types import SimpleNamespace
    >>> unit_of(SimpleNamespace(unit="{length}^2"), field="1/a0*^2", length="a0*")
    'a0*^2'
    >>> unit_of(SimpleNamespace(unit="{field}^2"), field="")
    ''
    """
    unit = measure.unit.format(field=field, length=length)
    # The square of a pure number is one, too.
    return "" if unit.startswith("^") else unit
