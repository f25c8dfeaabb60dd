"""The data set ``quantum-dots``: a stored one, or one made at first use and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from keras_qd.data.dataset import FRACTIONS
from keras_qd.data.fields import Field, drawn_parameters
from keras_qd.data.recipes import Recipe
from keras_qd.data.store.generation import Progress
from keras_qd.data.store.summary import check_material
from keras_qd.data.stored import MEMORY_BUDGET, StoredDataset, load_or_make, load_stored
from keras_qd.errors import UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.potentials.base import (
    FAMILIES,
    PotentialFamily,
    family_origins,
    potential_family,
    sample_generator,
)
from keras_qd.physics.solver import Solver, estimate_label_error


@dataclass(frozen=True, kw_only=True)
class QuantumDots(Recipe):
    """Ground states of a few electrons in random potentials.

    Parameters
    ----------
    n_electrons : int
        One to six.
    n_pixels : int
        Pixels along the side of the box.
    box_length : float
        Side of the box, in a0*.
    interaction : str
        ``"coulomb"``, ``"finite-thickness"``, ``"screened"`` or ``"none"``;
        see :class:`keras_qd.physics.Interaction`.
    thickness, screening_length : float, optional
        Length of the interactions that have one, in a0*.
    strength : float
        Factor on the interaction.
    family : str
        Family of random potentials; see :func:`keras_qd.physics.potential_families`.
    family_settings : mapping
        Settings of the family; those left out have its defaults.
    n_orbitals : int, optional
        Orbitals that the determinants are made of; by default as many as suit the number of
        electrons.
    material : str, optional
        Material that a0* and Ha* stand for; see :func:`keras_qd.physics.material`. It changes no
        number: :func:`keras_qd.data.in_material` builds a recipe from nm and meV.
    seed : int
        Root seed.

    Raises
    ------
    UsageError
        If a setting makes no sense.
    UnknownNameError
        If there is no such interaction, family or material.

    Examples
    --------
    >>> sample = QuantumDots(n_pixels=32, n_orbitals=6).make(range(1))
    >>> area = (10.0 / 32) ** 2
    >>> round(float(sample["density"].sum() * area), 6)
    2.0
    """

    kind: ClassVar[str] = "quantum-dots"
    version: ClassVar[int] = 1
    identity: ClassVar[str] = "potential"
    lengths: ClassVar[tuple[str, ...]] = ("box_length", "thickness", "screening_length")
    families: ClassVar[Mapping[str, type[PotentialFamily]]] = FAMILIES

    n_electrons: int = 2
    n_pixels: int = 64
    box_length: float = 10.0
    interaction: str = "coulomb"
    thickness: float | None = None
    screening_length: float | None = None
    strength: float = 1.0
    family: str = "random-fourier"
    family_settings: Mapping[str, Any] = field(default_factory=dict)
    n_orbitals: int | None = None
    material: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_pixels < 8 or self.seed < 0:
            raise UsageError(
                f"n_pixels={self.n_pixels} must be at least 8, seed={self.seed} not negative"
            )
        check_material(self.material)
        # What is stored is resolved: a default that changes later must not change the meaning of a
        # store.
        interaction = Interaction(self.interaction, self.thickness, self.screening_length)
        family = potential_family(self.family, **self.family_settings)
        resolved = {
            "box_length": float(self.box_length),
            "strength": float(self.strength),
            "thickness": interaction.thickness,
            "screening_length": interaction.screening_length,
            "family_settings": family.configuration(),
            "n_orbitals": self._solver.n_orbitals,
        }
        for name, value in resolved.items():
            object.__setattr__(self, name, value)

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""
        image = (self.n_pixels, self.n_pixels)
        return {
            "potential": Field(image, "Ha*", "confinement potential"),
            "density": Field(image, "1/a0*^2", "density of the interacting electrons"),
            "density_noninteracting": Field(
                image, "1/a0*^2", "density of the same electrons without interaction"
            ),
            "energy": Field((), "Ha*", "ground-state energy", "float64"),
            "energy_noninteracting": Field(
                (), "Ha*", "ground-state energy without interaction", "float64"
            ),
            "gap": Field((), "Ha*", "distance to the next energy level", "float64"),
            "spin_squared": Field((), "hbar^2", "expectation of the squared spin", "float64"),
            "parameters": drawn_parameters(self._family.parameter_names),
        }

    def make(self, indices: range) -> dict[str, np.ndarray]:
        """Draw and solve samples; see :meth:`Recipe.make`."""
        samples = [self._make_one(index) for index in indices]
        return {name: np.stack([sample[name] for sample in samples]) for name in self.fields}

    def solve_again(self, samples: Mapping[str, np.ndarray]) -> None:
        """Solve stored potentials again; without interaction where no other field is asked for."""
        others = [name for name in samples if name != self.identity]
        free = bool(others) and all(name.endswith("_noninteracting") for name in others)
        solve = self._solver.solve_noninteracting if free else self._solver.solve
        for potential in samples[self.identity]:
            solve(np.asarray(potential, dtype=np.float64))

    def solver_description(self) -> str:
        """Return what :meth:`solve_again` runs: method, electrons, orbitals, grid, interaction."""
        return (
            f"exact diagonalisation, N = {self.n_electrons}, M = {self.n_orbitals}, "
            f"{self.n_pixels} x {self.n_pixels} pixels, L = {self.box_length:g} a0*, "
            f"interaction {self.interaction}"
        )

    @property
    def origins(self) -> dict[str, str]:
        """Name of the family, and of those in a mixture -> distribution and version of each."""
        return family_origins(self._family)

    @property
    def n_checked(self) -> int:
        """How many samples are solved again with more orbitals: fewer where that takes long."""
        return {1: 8, 2: 8, 3: 4}.get(self.n_electrons, 1)

    def label_errors(self, indices: range) -> dict[str, np.ndarray]:
        """Estimate errors with more orbitals; see :func:`keras_qd.physics.estimate_label_error`.

        ``energy`` in Ha*, and ``density`` as the integral of its absolute error per electron.
        """
        found = [
            estimate_label_error(self._solver, self._draw(index)[0].astype(np.float64))
            for index in indices
        ]
        return {
            "energy": np.array([error.energy for error in found]),
            "density": np.array([error.density for error in found]),
        }

    def _draw(self, index: int) -> tuple[np.ndarray, list[float]]:
        """Return a potential as it is stored, and the parameters that were drawn for it.

        Solved is the potential as it is stored, so that nobody meets the rounding as an error.
        """
        generator = sample_generator(self.seed, index)
        drawn, parameters = self._family.sample(generator, self._solver.box, self.n_pixels)
        return drawn.astype(np.float32), [parameters[n] for n in self._family.parameter_names]

    def _make_one(self, index: int) -> dict[str, Any]:
        potential, parameters = self._draw(index)
        solution, without = self._solver.solve_both(potential.astype(np.float64))
        return {
            "potential": potential,
            "density": solution.density,
            "density_noninteracting": without.density,
            "energy": solution.energy,
            "energy_noninteracting": without.energy,
            "gap": solution.gap,
            "spin_squared": solution.spin_squared,
            "parameters": parameters,
        }

    @cached_property
    def _family(self) -> PotentialFamily:
        return potential_family(self.family, **self.family_settings)

    @cached_property
    def _solver(self) -> Solver:
        return Solver(
            Box(self.box_length),
            self.n_electrons,
            Interaction(self.interaction, self.thickness, self.screening_length),
            self.n_orbitals,
            self.strength,
        )


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
