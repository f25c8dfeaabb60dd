"""The data set: random potentials around a ring, fields, and exact ground states."""

import dataclasses
from typing import ClassVar

import numpy as np

from keras_qd.data import Field, GeneratedDataset, Recipe
from keras_qd_rings.solver import angles, solve


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rings(Recipe):
    """One electron on a ring in a magnetic field.

    Parameters
    ----------
    n_points : int
        Points around the ring.
    radius : float
        Radius of the ring in a0*.
    roughness : float
        Standard deviation of the potential in Ha*.
    strongest : float
        Strongest magnetic field in 1/a0*^2.
    """

    kind: ClassVar[str] = "rings"
    version: ClassVar[int] = 1
    identity: ClassVar[str] = "potential"
    conditions: ClassVar[tuple[str, ...]] = ("field",)
    lengths: ClassVar[tuple[str, ...]] = ("radius",)

    n_points: int = 32
    radius: float = 2.0
    roughness: float = 0.5
    strongest: float = 0.5

    @property
    def fields(self):
        ring = (self.n_points,)
        return {
            "potential": Field(ring, "Ha*", "potential around the ring", "float64"),
            "field": Field((), "1/a0*^2", "magnetic field", "float64"),
            "density": Field(ring, "1/a0*", "density of the electron", "float64"),
            "energy": Field((), "Ha*", "ground-state energy", "float64"),
        }

    def sample(self, generator):
        waves = np.exp(1j * np.outer([1, 2, 3], angles(self.n_points)))
        real, imaginary = generator.normal(scale=self.roughness / np.sqrt(3), size=(2, 3))
        potential = (real - 1j * imaginary) @ waves
        field = generator.uniform(0.0, self.strongest)
        (energy,), (density,) = solve(potential.real[None], [field], self.radius)
        return {"potential": potential.real, "field": field, "density": density, "energy": energy}

    @property
    def n_checked(self):
        return 8

    def label_errors(self, samples):
        finer = 2 * np.fft.irfft(np.fft.rfft(samples["potential"]), 2 * self.n_points)
        energies, densities = solve(finer, samples["field"], self.radius)
        width = 2 * np.pi * self.radius / self.n_points
        missed = abs(samples["density"] - densities[:, ::2]).sum(axis=1) * width
        return {"energy": samples["energy"] - energies, "density": missed}

    def solve_again(self, samples):
        solve(samples["potential"], samples["field"], self.radius)

    def solver_description(self):
        return f"{self.n_points - 1} plane waves on a ring of radius {self.radius:g} a0*"


rings = GeneratedDataset(Rings, samples=2000)
