"""Splits that never leak: by a hash of each sample's number, equal samples together."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np

from keras_qd.datasets.dataset import SPLITS
from keras_qd.errors import UsageError

#: Shares of the training, validation and test split.
FRACTIONS = (0.8, 0.1, 0.1)


def split_rows(
    fingerprints: np.ndarray, fractions: Sequence[float] = FRACTIONS
) -> dict[str, np.ndarray]:
    """Divide samples into splits.

    The split of a sample follows from a hash of its number, so it stays when samples are appended.
    Samples with the same fingerprint go where the first of them goes: an input never is on two
    sides.

    Parameters
    ----------
    fingerprints : ndarray, shape (n,)
        A hash of each sample's content: equal where samples are equal.
    fractions : sequence of three float
        Shares of the training, validation and test split, which sum up to one. They hold on
        average: each split's size scatters by about the square root of it.

    Returns
    -------
    dict of str to ndarray of int
        Ascending numbers of the samples in each split.

    Raises
    ------
    UsageError
        If the fractions are not three shares of one.

    Examples
    --------
    >>> rows = split_rows(np.arange(1000))
    >>> {name: len(found) for name, found in rows.items()}
    {'train': 809, 'validation': 96, 'test': 95}
    """
    edges = _edges(fractions)
    _, first, inverse = np.unique(fingerprints, return_index=True, return_inverse=True)
    draws = np.array([_draw(int(index)) for index in first])
    split = np.searchsorted(edges, draws, side="right")[inverse]
    return {name: np.flatnonzero(split == number) for number, name in enumerate(SPLITS)}


def given_rows(counts: Mapping[str, int], n_samples: int) -> dict[str, np.ndarray]:
    """Return the splits of samples that come divided, one split after the other.

    Parameters
    ----------
    counts : mapping of str to int
        How many samples each split has.
    n_samples : int
        How many samples there are; those beyond are left out.

    Returns
    -------
    dict of str to ndarray of int
        Ascending numbers of the samples in each split.

    Examples
    --------
    >>> given_rows({"train": 2, "validation": 0, "test": 2}, 3)
    {'train': array([0, 1]), 'validation': array([], dtype=int64), 'test': array([2])}
    """
    edges = np.minimum(np.cumsum([0, *(counts[name] for name in SPLITS)]), n_samples)
    return {name: np.arange(*edges[number : number + 2]) for number, name in enumerate(SPLITS)}


def _edges(fractions: Sequence[float]) -> np.ndarray:
    """Return where in [0, 1) validation and test begin."""
    valid = len(fractions) == len(SPLITS) and all(0 <= share <= 1 for share in fractions)
    if not valid or not math.isclose(sum(fractions), 1.0, abs_tol=1e-9):
        raise UsageError(
            f"fractions={list(fractions)} must be three shares (training, validation, test) that "
            "sum up to one, such as [0.8, 0.1, 0.1]"
        )
    return np.cumsum(fractions)[:-1]


def _draw(index: int) -> float:
    """Return a number in [0, 1) that depends on the sample's number alone."""
    digest = hashlib.blake2b(index.to_bytes(8, "little"), digest_size=8, person=b"keras-qd split")
    return int.from_bytes(digest.digest(), "little") / 2**64
