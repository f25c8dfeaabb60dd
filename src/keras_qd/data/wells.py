"""The data set ``wells-1d``: one electron on a line between two walls, solved in batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from keras_qd.data.fields import Field, drawn_parameters
from keras_qd.data.recipes import Recipe
from keras_qd.data.store.summary import check_material
from keras_qd.data.stored import GeneratedDataset
from keras_qd.physics.box import LENGTHS
from keras_qd.physics.line.one_electron import dvr_states
from keras_qd.physics.line.potentials import FAMILIES, LineFamily
from keras_qd.physics.line.solver import solve_1d
from keras_qd.physics.potentials.base import build_family, sample_generator

#: The random constant of every potential, in Ha*.
_CONSTANT: dict[str, Any] = {"offset": (0.06, 0.94)}

#: Defaults that differ from those of a family.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "gaussian-wells": {"depth": (0.0, 1.0), "width": (0.02, 0.045), "centre": (0.05, 0.95)},
    "random-fourier": {"amplitude": 0.2},
}


@dataclass(frozen=True, kw_only=True)
class Wells(Recipe):
    r"""Ground states of one electron in random potentials on a line.

    Parameters
    ----------
    seed : int
        Root seed.
    n_points : int
        Interior nodes :math:`x_i = i L / (n + 1)`.
    length : float
        Distance L of the walls, in a0*.
    family : str
        Family of random potentials on a line: ``"gaussian-wells"`` or ``"random-fourier"``.
    family_settings : mapping
        Settings of the family. By default each potential has a random constant, uniform between
        0.06 and 0.94 Ha*: the energy depends on it, the density does not. There are one to three
        narrow wells, up to 1 Ha* deep: what the course's network learns of them, and how fast, is
        close to the course's curves. A random field has an amplitude of 0.2 Ha*, comparable with
        the kinetic energy.
    material : str, optional
        Material that a0* and Ha* stand for. See :func:`keras_qd.physics.material`. It changes no
        number: :func:`keras_qd.data.in_material` builds a recipe from nm and meV.

    Raises
    ------
    UsageError
        If a setting is out of range.
    UnknownNameError
        If there is no such family or material.

    Examples
    --------
    >>> samples = Wells().make(range(512))
    >>> print(np.round(samples["density"][0].sum() * 10.0 / 65, 6))
    1.0
    """

    kind: ClassVar[str] = "wells-1d"
    version: ClassVar[int] = 1
    identity: ClassVar[str] = "potential"
    batch: ClassVar[int] = 512
    lengths: ClassVar[tuple[str, ...]] = ("length",)
    families: ClassVar[Mapping[str, type[LineFamily]]] = FAMILIES

    n_points: int = field(default=64, metadata={"range": (3, 4096)})
    length: float = field(default=10.0, metadata={"range": LENGTHS})
    family: str = "gaussian-wells"
    family_settings: Mapping[str, Any] = field(default_factory=dict)
    material: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_material(self.material)
        settings = {**_CONSTANT, **_DEFAULTS.get(self.family, {}), **self.family_settings}
        family = build_family(FAMILIES, self.family, settings)
        object.__setattr__(self, "length", float(self.length))
        object.__setattr__(self, "family_settings", family.configuration())

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""
        line = (self.n_points,)
        return {
            "potential": Field(line, "Ha*", "potential between the walls"),
            "density": Field(line, "1/a0*", "density of the electron"),
            "energy": Field((), "Ha*", "ground-state energy", "float64"),
            "kinetic_energy": Field((), "Ha*", "kinetic energy of the ground state", "float64"),
            "parameters": drawn_parameters(self._family.parameter_names),
        }

    @property
    def n_checked(self) -> int:
        """How many samples are solved again in the sine basis."""
        return 256

    def label_errors(self, samples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compare with the sine basis, which is exact to rounding where a potential is smooth.

        ``energy`` in Ha*, and ``density`` as the integral of its absolute error.
        """
        potential = samples[self.identity].astype(np.float64)
        solution = solve_1d(potential, self.length)
        energies, orbitals = dvr_states(potential, self.length)
        error = np.abs(solution.densities - orbitals[:, 0] ** 2).sum(axis=1)
        return {
            "energy": solution.energies - energies[:, 0],
            "density": error * self.length / (self.n_points + 1),
        }

    def solve_again(self, samples: Mapping[str, np.ndarray]) -> None:
        """Solve stored potentials again, all at once, to measure the cost of the solver.

        Parameters
        ----------
        samples : mapping of str to ndarray
            The stored fields, with the potentials (m, points) in Ha*.
        """
        solve_1d(np.asarray(samples[self.identity], dtype=np.float64), self.length)

    def solver_description(self) -> str:
        """Return what :meth:`solve_again` runs: method, grid, and how many systems at a time."""
        return (
            f"Numerov's matrix, one electron on {self.n_points} points, L = {self.length:g} a0*, "
            f"{self.batch} at a time"
        )

    @cached_property
    def _family(self) -> LineFamily:
        return build_family(FAMILIES, self.family, self.family_settings)

    def _draw(self, indices: range) -> tuple[np.ndarray, np.ndarray]:
        """Return potentials, rounded as they are stored and then solved, and their parameters."""
        drawn = [
            self._family.sample(sample_generator(self.seed, index), self.length, self.n_points)
            for index in indices
        ]
        names = self._family.parameter_names
        parameters = [[found[name] for name in names] for _, found in drawn]
        return np.stack([values for values, _ in drawn]).astype(np.float32), np.array(parameters)

    def make(self, indices: range) -> dict[str, np.ndarray]:
        """Draw and solve samples; see :meth:`Recipe.make`."""
        potential, parameters = self._draw(indices)
        solution = solve_1d(potential, self.length)
        return {
            "potential": potential,
            "density": solution.densities,
            "energy": solution.energies,
            "kinetic_energy": solution.internal_energies,
            "parameters": parameters,
        }


#: The registered data set.
wells_1d = GeneratedDataset(Wells, samples=100_000, fractions=(0.5, 0.25, 0.25))
