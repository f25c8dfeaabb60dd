"""What memory and time a many-electron problem takes, before it is begun."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

from keras_qd.errors import PhysicsError

#: Bytes of one element of a sparse table while it is made, of one state in the vectors of the
#: iteration, and of one element of the interaction between pairs of orbitals.
_BYTES_PER_ENTRY = 64
_BYTES_PER_STATE = 8 * 80
_BYTES_PER_PAIR_OF_PAIRS = 8 * 12

#: Products of the Hamiltonian with a vector that a sector takes, and floating-point operations a
#: second of one core: orders of magnitude.
_PRODUCTS = 80
_OPERATIONS_PER_SECOND = 1e10


@dataclass(frozen=True)
class Work:
    """Estimated cost of the ground state of one potential on one core.

    Parameters
    ----------
    n_determinants : int
        Basis states of the largest spin sector.
    memory : float
        Gigabytes.
    seconds : float
        Time, without the tables that are made once.
    """

    n_determinants: int
    memory: float
    seconds: float


def estimate_work(n_electrons: int, n_orbitals: int, spin: float | None = None) -> Work:
    """Estimate the cost of all spin sectors, or of that of one spin.

    Parameters
    ----------
    n_electrons, n_orbitals : int
        Size of the problem.
    spin : float, optional
        Total spin that is asked for.

    Returns
    -------
    Work

    Examples
    --------
    >>> estimate_work(6, 13).n_determinants
    81796
    """
    most = range((n_electrons + 1) // 2, n_electrons + 1)
    asked = most if spin is None else [round(n_electrons / 2 + spin)]
    sectors = [(n_up, n_electrons - n_up) for n_up in asked]
    states = [comb(n_orbitals, up) * comb(n_orbitals, down) for up, down in sectors]
    # Every pair of electrons of every determinant is one element of a table; pairs of opposite spin
    # occur as singlets and as triplets.
    entries = [
        n * (comb(up, 2) + comb(down, 2) + 2 * up * down)
        for n, (up, down) in zip(states, sectors, strict=True)
    ]
    memory = (
        _BYTES_PER_ENTRY * sum(entries)
        + _BYTES_PER_STATE * max(states)
        + _BYTES_PER_PAIR_OF_PAIRS * comb(n_orbitals + 1, 2) ** 2
    )
    # An element of an amplitude costs a row of the pair interaction, M^2 / 2 long.
    operations = _PRODUCTS * sum(entries) * n_orbitals**2
    return Work(max(states), memory / 1e9, operations / _OPERATIONS_PER_SECOND)


def refuse_beyond(
    n_electrons: int, n_orbitals: int, max_memory: float, spin: float | None = None
) -> None:
    """Raise `PhysicsError` where a problem takes more than `max_memory` gigabytes."""
    work = estimate_work(n_electrons, n_orbitals, spin)
    if work.memory <= max_memory:
        return
    within = [
        m
        for m in range(n_electrons + 1, n_orbitals)
        if estimate_work(n_electrons, m, spin).memory <= max_memory
    ]
    advice = f"use at most {within[-1]} orbitals" if within else "use fewer electrons"
    raise PhysicsError(
        f"{n_electrons} electrons in {n_orbitals} orbitals have {work.n_determinants:,} "
        f"determinants: about {work.memory:.1f} GB and {work.seconds:.2g} s a system, and "
        f"max_memory = {max_memory:g} GB is allowed; {advice}, or allow more memory"
    )
