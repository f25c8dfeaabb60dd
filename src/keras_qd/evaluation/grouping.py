"""Systems grouped by a number of theirs, such as the gap: where a model does well or badly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_qd.errors import UnknownNameError

if TYPE_CHECKING:
    from keras_qd.evaluation.result import Evaluation

Array = NDArray[Any]


@dataclass(frozen=True)
class Group:
    """Systems that are alike in one number.

    Parameters
    ----------
    low, high : float
        Smallest and largest value of the number in the group.
    n_systems : int
        How many systems.
    means : dict of str to float
        Mean of each column of metrics over the group; systems without a value are left out.
    """

    low: float
    high: float
    n_systems: int
    means: dict[str, float]


def group_by(evaluation: Evaluation, column: str, n_groups: int = 4) -> list[Group]:
    """Return the mean metrics of systems grouped by one number of theirs.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.
    column : str
        One of ``evaluation.numbers``, such as ``"gap"``, or a parameter that was drawn for the
        potential; systems without it are left out.
    n_groups : int
        Groups of about equal size; a number with no more distinct values than that has a group for
        each value.

    Returns
    -------
    list of Group
        By ascending value.

    Raises
    ------
    UnknownNameError
        If there is no such column.
    """
    known = [*evaluation.numbers, *evaluation.data["drawn"]]
    if column not in known:
        raise UnknownNameError("number to group by", column, known)
    values = evaluation.samples[column]
    having = np.flatnonzero(np.isfinite(values))
    metrics = [name for name in evaluation.samples if name not in ("index", *known)]
    return [
        Group(
            float(values[rows].min()),
            float(values[rows].max()),
            len(rows),
            {name: _known_mean(evaluation.samples[name][rows]) for name in metrics},
        )
        for rows in (having[part] for part in divide(values[having], n_groups))
    ]


def divide(values: ArrayLike, n_groups: int) -> list[Array]:
    """Return the indices of groups of about equal size, equal values always together.

    Parameters
    ----------
    values : array_like, shape (n,)
        What to divide by.
    n_groups : int
        At most so many groups.

    Examples
    --------
    >>> [rows.tolist() for rows in divide([3.0, 1.0, 2.0, 1.0], 2)]
    [[1, 3], [0, 2]]
    """
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
    """Return values rounded to a billionth of their spread: 0 and 1e-16 are the same spin."""
    spread = float(np.ptp(values)) if values.size else 0.0
    return np.round((values - values.min()) / spread, 9) if spread > 0 else values


def _known_mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
