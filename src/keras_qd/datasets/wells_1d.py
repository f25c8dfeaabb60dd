"""The data set ``wells-1d``: a stored one, or one made at first use and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_qd.data.generation import Progress
from keras_qd.data.wells import Wells
from keras_qd.datasets.generated import load_or_make, load_stored
from keras_qd.datasets.stored import MEMORY_BUDGET, StoredDataset

#: Samples that are made when nobody says how many.
DEFAULT_SAMPLES = 100_000


def wells_1d(
    path: str | Path | None = None,
    *,
    samples: int | None = None,
    seed: int | None = None,
    n_points: int | None = None,
    length: float | None = None,
    family: str | None = None,
    family_settings: Mapping[str, Any] | None = None,
    fractions: Sequence[float] = (0.5, 0.25, 0.25),
    memory_budget: int = MEMORY_BUDGET,
    workers: int | None = None,
    progress: Progress | None = None,
) -> StoredDataset:
    """Load one-electron systems on a line: potentials with exact densities and energies.

    Fields: ``potential`` and ``density`` (n, points), ``energy`` and ``kinetic_energy`` (n,).

    Parameters
    ----------
    path : str or Path, optional
        A stored data set. Without it, the samples are made now, unless they have been made before:
        they are kept in the user's cache directory, or in ``$KERAS_QD_CACHE``.
    samples : int, optional
        How many: with a path the first ones of those stored, all by default; without one 100,000
        by default.
    seed, n_points, length, family, family_settings : optional
        Root seed, interior nodes, distance of the walls in a0*, and the family of potentials: those
        of :class:`keras_qd.data.Wells`, which has the defaults; with a path, those given must be as
        stored.
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
    >>> wells = keras_qd.load("wells-1d", samples=100_000)  # doctest: +SKIP
    >>> wells.split("train")["potential"].shape  # doctest: +SKIP
    (50017, 64)
    """
    settings = {
        "seed": seed,
        "n_points": n_points,
        "length": length,
        "family": family,
        "family_settings": family_settings,
    }
    if path is not None:
        return load_stored(Wells, path, settings, samples, fractions, memory_budget)
    samples = DEFAULT_SAMPLES if samples is None else samples
    return load_or_make(Wells, settings, samples, fractions, memory_budget, workers, progress)
