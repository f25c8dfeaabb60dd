r"""Taking one pair of electrons out of a many-electron state.

The amplitudes Phi = R psi are labelled by the electrons that stay (the spectators) and by the pair,
and R is sparse. Singlet and triplet pairs are kept apart, which makes the many-electron interaction
block-diagonal,

.. math:: H = \sum_i e_i n_i + R_+^T (1 \otimes W^+) R_+ + R_-^T (1 \otimes W^-) R_- ,

with the two matrices of `pairs`: direct configuration interaction as products of matrices [1]_,
split by the spin of the pair.

In a sector with as many electrons up as down, states are restricted to those even under the
exchange of up and down, ``(|A, B> + |B, A>) / sqrt 2``. Amplitudes that follow from others by the
exchange are left out, and the others carry their weight.

References
----------
.. [1] P. J. Knowles and N. C. Handy, Chem. Phys. Lett. 111, 315 (1984),
   doi:10.1016/0009-2614(84)85513-X.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from keras_qd.physics.strings import Removals, removals

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Reduction:
    """R+ or R- of one sector, in the forms that are applied.

    Parameters
    ----------
    matrix : csr_array, shape (spectators * pairs, dimension of the sector)
        The pair is the faster index of the rows; no rows where there are no such pairs.
    """

    matrix: csr_array

    @cached_property
    def transpose(self) -> csc_array:
        """R^T, kept since SciPy takes longer to make one than to apply a small one."""
        return self.matrix.T

    @cached_property
    def dense(self) -> Array:
        """R with its zeros: only for sectors small enough for dense algebra."""
        return np.asarray(self.matrix.toarray())


@dataclass(frozen=True)
class _Entries:
    """Elements of R: a state (up string, down string) gives to (spectators, pair)."""

    spectators: Places
    pair: Places
    up: Places
    down: Places
    value: Array

    def where(self, kept: NDArray[np.bool_]) -> _Entries:
        return _Entries(
            self.spectators[kept], self.pair[kept], self.up[kept], self.down[kept], self.value[kept]
        )


def singlet_reduction(n_orbitals: int, n_up: int, n_down: int) -> Reduction:
    """R+ of a sector.

    Parameters
    ----------
    n_orbitals, n_up, n_down : int
        The sector.

    Returns
    -------
    Reduction
        Without rows where all electrons point up.
    """
    entries = [_opposite_spins(n_orbitals, n_up, n_down, 1)] if n_down else []
    return _assemble(entries, n_orbitals, (n_up, n_down), n_orbitals * (n_orbitals + 1) // 2)


def triplet_reduction(n_orbitals: int, n_up: int, n_down: int) -> Reduction:
    """R- of a sector, like `singlet_reduction`; without rows where there are no triplet pairs."""
    entries = []
    if n_down and n_up + n_down > 2:
        entries.append(_opposite_spins(n_orbitals, n_up, n_down, -1))
    if n_up > 1:
        entries.append(_equal_spins(n_orbitals, n_up, n_down, up=True))
    if n_down > 1 and n_down != n_up:
        entries.append(_equal_spins(n_orbitals, n_down, n_up, up=False))
    return _assemble(entries, n_orbitals, (n_up, n_down), n_orbitals * (n_orbitals - 1) // 2)


def _opposite_spins(n_orbitals: int, n_up: int, n_down: int, symmetry: int) -> _Entries:
    """Take an up and a down electron out, as a singlet (symmetry 1) or a triplet pair (-1)."""
    up, down = (_outer(removals(n_orbitals, n, 1), axis) for axis, n in enumerate((n_up, n_down)))
    shape = (up.string.size, down.string.size)
    i, k, rest_up, rest_down, string_up, string_down = (
        np.broadcast_to(column, shape).ravel()
        for column in (up.taken, down.taken, up.rest, down.rest, up.string, down.string)
    )
    value = (up.sign * down.sign).ravel()
    value *= np.where(i == k, (1 + symmetry) / 2, sqrt(0.5) * np.where(i < k, symmetry, 1))
    if n_up == n_down:
        # The exchange maps the spectators (A, B) to (B, A): A >= B stands for both.
        value *= np.where(rest_up > rest_down, sqrt(2), np.where(rest_up == rest_down, 1, 0))
    high, low = np.maximum(i, k), np.minimum(i, k)
    pair = high * (high + symmetry) // 2 + low
    spectators = rest_up * comb(n_orbitals, n_down - 1) + rest_down
    return _Entries(spectators, pair, string_up, string_down, value).where(value != 0)


def _outer(removal: Removals, axis: int) -> Removals:
    """Lay the removals out along one axis of a table of two."""
    shape = (-1, 1) if axis == 0 else (1, -1)
    return Removals(
        removal.rest.reshape(shape),
        removal.taken.reshape(shape),
        removal.string.reshape(shape),
        removal.sign.reshape(shape),
    )


def _equal_spins(n_orbitals: int, n_taken_from: int, n_others: int, *, up: bool) -> _Entries:
    """Take two electrons of equal spin out: a triplet pair."""
    removal = removals(n_orbitals, n_taken_from, 2)
    n_strings = comb(n_orbitals, n_others)
    other = np.tile(np.arange(n_strings), removal.rest.size)
    rest, pair, string = (
        np.repeat(column, n_strings) for column in (removal.rest, removal.taken, removal.string)
    )
    value = np.repeat(removal.sign, n_strings)
    if n_taken_from == n_others:
        value *= sqrt(2)  # the pairs of the other spin give the same again
    up_string, down_string = (string, other) if up else (other, string)
    return _Entries(rest * n_strings + other, pair, up_string, down_string, value)


def _assemble(
    parts: list[_Entries], n_orbitals: int, electrons: tuple[int, int], n_pairs: int
) -> Reduction:
    n_up, n_down = (comb(n_orbitals, n) for n in electrons)
    is_even = electrons[0] == electrons[1]
    dimension = n_up * (n_up + 1) // 2 if is_even else n_up * n_down
    rows, columns, values, n_rows = [], [], [], 0
    for part in parts:
        kept, spectators = np.unique(part.spectators, return_inverse=True)
        rows.append(n_rows + spectators * n_pairs + part.pair)
        n_rows += kept.size * n_pairs
        high, low = np.maximum(part.up, part.down), np.minimum(part.up, part.down)
        columns.append(high * (high + 1) // 2 + low if is_even else part.up * n_down + part.down)
        values.append(part.value * np.where(is_even & (high != low), sqrt(0.5), 1.0))
    if not parts:
        return Reduction(csr_array((0, dimension)))
    entries = tuple(np.concatenate(column) for column in (values, rows, columns))
    return Reduction(csr_array((entries[0], entries[1:]), shape=(n_rows, dimension)))
