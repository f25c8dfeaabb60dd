"""Strings: the orbitals that electrons of one spin occupy.

Strings of n orbitals are in colexicographic order, the combinatorial number system [1]_. Those that
use the lowest m orbitals come first, whatever m is: a small problem is a leading part of a large
one.

References
----------
.. [1] D. E. Knuth, The Art of Computer Programming 4A, section 7.2.1.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Removals:
    """All ways to take electrons out of strings.

    Parameters
    ----------
    rest : ndarray of int, shape (k,)
        Number of the string that stays.
    taken : ndarray of int, shape (k,)
        Number of the string that is taken out: an orbital, or a pair of them.
    string : ndarray of int, shape (k,)
        Number of the string that it is taken from.
    sign : ndarray, shape (k,)
        Fermi sign.
    """

    rest: Places
    taken: Places
    string: Places
    sign: Array


def strings(n_orbitals: int, n_electrons: int) -> Places:
    """Occupied orbitals of all strings, rising.

    Parameters
    ----------
    n_orbitals, n_electrons : int
        Number of orbitals, and how many of them are occupied.

    Returns
    -------
    ndarray of int, shape (binomial(n_orbitals, n_electrons), n_electrons)

    Examples
    --------
    >>> strings(4, 2).tolist()
    [[0, 1], [0, 2], [1, 2], [0, 3], [1, 3], [2, 3]]
    """
    falling = list(combinations(range(n_orbitals - 1, -1, -1), n_electrons))
    rows = np.array(falling, dtype=np.intp).reshape(len(falling), n_electrons)
    return rows[::-1, ::-1].copy()


def string_numbers(occupied: Places) -> Places:
    """Numbers of strings: ``sum_k binomial(o_k, k + 1)``.

    Parameters
    ----------
    occupied : ndarray of int, shape (k, n_electrons)
        Occupied orbitals, rising.

    Returns
    -------
    ndarray of int, shape (k,)
    """
    numbers = np.zeros(occupied.shape[0], dtype=np.intp)
    for k, orbitals in enumerate(occupied.T):
        table = np.array([comb(o, k + 1) for o in range(int(orbitals.max(initial=0)) + 1)])
        numbers += table[orbitals]
    return numbers


@lru_cache(maxsize=64)
def removals(n_orbitals: int, n_electrons: int, n_taken: int) -> Removals:
    """Tabulate all ways to take `n_taken` electrons out of the strings of `n_electrons`."""
    occupied = strings(n_orbitals, n_electrons)
    parts = []
    for taken in combinations(range(n_electrons), n_taken):
        stay = [k for k in range(n_electrons) if k not in taken]
        sign = np.full(occupied.shape[0], (-1.0) ** sum(taken))
        numbers = (string_numbers(occupied[:, columns]) for columns in (stay, list(taken)))
        parts.append((*numbers, np.arange(occupied.shape[0]), sign))
    return Removals(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def occupations(n_orbitals: int, n_electrons: int) -> Array:
    """Electrons in each orbital of each string, shape (n_strings, n_orbitals)."""
    occupied = strings(n_orbitals, n_electrons)
    table = np.zeros((occupied.shape[0], n_orbitals))
    table[np.arange(occupied.shape[0])[:, None], occupied] = 1.0
    return table
