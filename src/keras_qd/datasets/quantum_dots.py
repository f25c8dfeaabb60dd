"""The data set ``quantum-dots``: a stored one, or one made at first use and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_qd.data.generation import Progress
from keras_qd.data.quantum_dots import QuantumDots
from keras_qd.datasets.generated import load_or_make, load_stored
from keras_qd.datasets.splits import FRACTIONS
from keras_qd.datasets.stored import MEMORY_BUDGET, StoredDataset

#: Samples that are made when nobody says how many.
DEFAULT_SAMPLES = 2000


def quantum_dots(
    path: str | Path | None = None,
    *,
    samples: int | None = None,
    seed: int | None = None,
    n_electrons: int | None = None,
    n_pixels: int | None = None,
    box_length: float | None = None,
    interaction: str | None = None,
    thickness: float | None = None,
    screening_length: float | None = None,
    strength: float | None = None,
    family: str | None = None,
    family_settings: Mapping[str, Any] | None = None,
    n_orbitals: int | None = None,
    fractions: Sequence[float] = FRACTIONS,
    memory_budget: int = MEMORY_BUDGET,
    workers: int | None = None,
    progress: Progress | None = None,
) -> StoredDataset:
    """Load few-electron quantum dots: potentials with exact densities and energies.

    Fields: ``potential``, ``density``, ``density_noninteracting`` (n, ny, nx), ``energy``,
    ``energy_noninteracting``, ``gap`` and ``spin_squared`` (n,).

    Parameters
    ----------
    path : str or Path, optional
        A stored data set. Without it, the samples are made now, unless they have been made before:
        they are kept in the user's cache directory, or in ``$KERAS_QD_CACHE``.
    samples : int, optional
        How many: with a path the first ones of those stored, all by default; without one 2000 by
        default.
    seed, n_electrons, n_pixels, box_length : optional
        Root seed, electrons, pixels a side, side of the box in a0*. These and the next settings are
        those of :class:`keras_qd.data.QuantumDots`, which has the defaults; with a path, those
        given must be as stored.
    interaction, thickness, screening_length, strength : optional
        The interaction, and what it needs.
    family, family_settings : optional
        The family of random potentials.
    n_orbitals : optional
        Orbitals of the exact solver.
    fractions : sequence of three float
        Shares of the training, validation and test split.
    memory_budget : int
        Bytes that the fields of a split may have to be held in memory; a larger split is read batch
        by batch, and shuffled within some shards at a time.
    workers : int, optional
        Processes that make samples; as many as there are usable cores by default.
    progress : callable, optional
        Called with the samples made so far and all that there will be.

    Returns
    -------
    StoredDataset
        With the fields above.

    Raises
    ------
    StoreError
        If there is no such data set, it is not finished, or it cannot be written.
    UsageError
        If a setting makes no sense, or is not what is stored.

    Examples
    --------
    >>> import keras_qd
    >>> dots = keras_qd.load("quantum-dots", samples=5000)  # doctest: +SKIP
    >>> dots.split("test")["density"].shape  # doctest: +SKIP
    (506, 64, 64)
    """
    settings: dict[str, Any] = {
        "seed": seed,
        "n_electrons": n_electrons,
        "n_pixels": n_pixels,
        "box_length": box_length,
        "interaction": interaction,
        "thickness": thickness,
        "screening_length": screening_length,
        "strength": strength,
        "family": family,
        "family_settings": family_settings,
        "n_orbitals": n_orbitals,
    }
    if path is not None:
        return load_stored(QuantumDots, path, settings, samples, fractions, memory_budget)
    samples = DEFAULT_SAMPLES if samples is None else samples
    return load_or_make(QuantumDots, settings, samples, fractions, memory_budget, workers, progress)
