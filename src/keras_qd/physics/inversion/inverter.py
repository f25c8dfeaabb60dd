"""From a density to a potential: the exact solver in a loop."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn

from keras_qd.physics.box import Box
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.inversion.outcome import Inversion
from keras_qd.physics.inversion.wanted_density import check_wanted
from keras_qd.physics.solver import Solver

Array = NDArray[np.float64]

#: Share of the largest density above which a potential counts as determined.
DETERMINED = 1e-3


def invert(
    density: Array,
    box: Box,
    n_electrons: int = 2,
    *,
    tolerance: float = 1e-4,
    interaction: str | Interaction = "coulomb",
    n_orbitals: int | None = None,
    strength: float = 1.0,
    spin: float | None = None,
    basis_tolerance: float = 1e-4,
    start: Array | None = None,
    half_waves: int = 20,
    gauge: str = "zero-mean",
    max_iterations: int = 100,
    max_seconds: float = 60.0,
) -> Inversion:
    """Find a potential whose exact ground state has a wanted density."""
    solver = Solver(
        box, n_electrons, interaction, n_orbitals, strength, spin, basis_tolerance=basis_tolerance
    )
    target = check_wanted(density, box, n_electrons)
    began = time.monotonic()
    n = target.shape[0]
    order = np.add.outer(np.arange(n) ** 2, np.arange(n) ** 2)

    def smooth(field: Array) -> Array:
        return idctn(np.where(order <= half_waves**2, dctn(field), 0))

    potential = smooth(np.zeros_like(target) if start is None else np.asarray(start, float))
    tried: list[Array] = []
    steps: list[Array] = []
    residuals: list[float] = []
    best = None
    reason = "iterations"
    for _ in range(max_iterations + 1):
        solution = solver.solve(potential)
        off = solution.density - target
        residuals.append(float(np.abs(off).sum()) * box.pixel_area(n) / n_electrons)
        if residuals[-1] <= min(residuals):
            best = (potential, solution)
        if residuals[-1] <= tolerance:
            reason = "converged"
            break
        if time.monotonic() - began > max_seconds:
            reason = "time"
            break
        step = smooth(off / (target + 0.05 * target.max())) * 1.2 * (np.pi / box.length) ** 2
        tried, steps = (tried + [potential])[-9:], (steps + [step])[-9:]
        mixing = np.zeros_like(step), np.zeros_like(step)
        if len(steps) > 1:
            ds = np.diff(np.array(steps), axis=0).reshape(len(steps) - 1, -1)
            dx = np.diff(np.array(tried), axis=0)
            gamma = np.linalg.lstsq(ds.T, step.ravel(), rcond=1e-10)[0]
            mixing = np.tensordot(gamma, dx, 1), (gamma @ ds).reshape(n, n)
        potential = potential - mixing[0] + step - mixing[1]
    potential, solution = best
    shift = potential.mean() if gauge == "zero-mean" else potential.flat[target.argmin()]
    return Inversion(
        potential=potential - shift,
        density=solution.density,
        energy=solution.energy - n_electrons * float(shift),
        gap=solution.gap,
        residual=min(residuals),
        start_residual=residuals[0],
        iterations=len(residuals) - 1,
        residuals=np.array(residuals),
        determined=target > DETERMINED * target.max(),
        reason=reason,
        target=target,
    )
