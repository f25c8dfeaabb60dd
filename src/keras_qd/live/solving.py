"""What the exact solvers answer to a drawing, in messages: density, energies, errors, times."""

from __future__ import annotations

import time

import numpy as np

from keras_qd.live.messages import Array, Request, Send, pack
from keras_qd.physics.pair_grid import DENSITY_ORDER, ENERGY_ORDER, extrapolation
from keras_qd.physics.potentials.base import sample_potentials
from keras_qd.physics.solution import NEAR_DEGENERACY, Solution
from keras_qd.physics.solver import Solver
from keras_qd.physics.two_electrons import PairBatch, solve_batch

#: Two electrons while the pen moves: points along a side of both grids, and Davidson steps. They
#: take 20 ms; at L = 10 the density of the finer one errs by less than 1e-3 per electron.
_POINTS_OF_DRAFT, _STEPS_OF_DRAFT = (8, 12), 5

#: Difference of <S^2> from S (S + 1) up to which a state has the spin S.
_MOST_CONTAMINATION = 1e-3


def answer(request: Request, send: Send) -> None:
    """Send the messages that answer a request, each as soon as it is known."""
    if request.kind == "sample":
        send(_sample(request))
    elif request.kind == "draft" and request.n_electrons == 2:
        send(_draft(request))
    else:
        _solve(request, send)


def _sample(request: Request) -> bytes:
    """Return a random potential of a family."""
    (potential,) = sample_potentials(
        1, request.box, request.n_pixels, family=request.family, seed=request.seed
    )
    return pack({"event": "sample", "id": request.id}, [potential])


def _draft(request: Request) -> bytes:
    """Solve two electrons on two coarse grids, whose difference estimates the error."""
    started = time.perf_counter()
    coarse, fine = (_on_grid(request, n) for n in _POINTS_OF_DRAFT)
    share = [extrapolation(*_POINTS_OF_DRAFT, order) for order in (DENSITY_ORDER, ENERGY_ORDER)]
    density = fine.density[0]
    change = float(np.abs(density - coarse.density[0]).sum() / density.sum())
    numbers: dict[str, float] = {}
    errors: dict[str, float] = {}
    for name in ("energy", "exchange", "gap"):
        value, other = (float(getattr(found, name)[0]) for found in (fine, coarse))
        numbers[name] = value
        errors[f"{name}_error"] = share[1] * abs(value - other)
    below = 0.5 * float(fine.energy_noninteracting[0])  # one electron on the same grid
    header = {
        **_about(request, density, started),
        **numbers,
        **errors,
        "mu": numbers["energy"] - below,
        "mu_error": errors["energy_error"],
        "spin_squared": 0.0,
        "spin": "exact",  # the ground state of two electrons is a singlet
        "density_error": share[0] * change,
        "draft": True,
        "undecided": _undecided(numbers["gap"], 1),
    }
    return pack(header, [density])


def _on_grid(request: Request, n_grid: int) -> PairBatch:
    return solve_batch(
        _potential(request)[None],
        request.box,
        interaction=request.interaction,
        strength=request.strength,
        n_grid=n_grid,
        steps=_STEPS_OF_DRAFT,
    )


def _solve(request: Request, send: Send) -> None:
    """Solve for N electrons, then for one fewer, which gives the chemical potential."""
    n = request.n_electrons
    if n > 2:
        send(_progress(request, n, 1))
    started = time.perf_counter()
    solution = _solver(request, n).solve(_potential(request))
    header = _solution_header(request, solution, started)
    if n == 1:
        header |= {"mu": solution.energy, "mu_error": solution.energy_error, "whole": True}
    send(pack(header, [solution.density]))
    if n == 1:
        return
    if n > 2:
        send(_progress(request, n - 1, 2))
    below = _solver(request, n - 1).solve(_potential(request))
    numbers = {
        "mu": solution.energy - below.energy,
        "mu_error": float(np.hypot(solution.energy_error, below.energy_error)),
    }
    send(pack({"event": "mu", "id": request.id, **numbers}))


def _solution_header(request: Request, solution: Solution, started: float) -> dict[str, object]:
    names = ("energy", "gap", "exchange", "spin_squared", "n_states")
    errors = ("energy_error", "gap_error", "exchange_error", "density_error", "pixel_error")
    return {
        **_about(request, solution.density, started),
        **{name: getattr(solution, name) for name in (*names, *errors)},
        "draft": False,
        "spin": _certainty_of_spin(solution),
        "undecided": _undecided(solution.gap, solution.n_states),
    }


def _about(request: Request, density: Array, started: float) -> dict[str, object]:
    """Return what every exact density comes with; the integral is the number of electrons."""
    return {
        "event": "exact",
        "id": request.id,
        "n_electrons": request.n_electrons,
        "integral": float(density.sum() * request.box.pixel_area(request.n_pixels)),
        "seconds": time.perf_counter() - started,
    }


def _certainty_of_spin(solution: Solution) -> str:
    """Whether S^2 is exact by symmetry, another level may be lower, or it is a mean over spins."""
    spin = 0.5 * (solution.multiplicity - 1)
    if abs(solution.spin_squared - spin * (spin + 1)) > _MOST_CONTAMINATION:
        return "mixed"
    known = solution.n_electrons == 1 or (solution.n_electrons == 2 and spin == 0)
    return "exact" if known or solution.gap > solution.gap_error else "undecided"


def _undecided(gap: float, n_states: int) -> str:
    """Return why a density is not a stable label, or nothing."""
    if n_states > 1:
        return (
            f"Degenerate: {n_states} states share the lowest energy; the density is their average."
        )
    if gap < NEAR_DEGENERACY:
        return (
            f"Undecided: the next level is less than {1e3 * NEAR_DEGENERACY:g} mHa* above; a small "
            "change of the potential may exchange the two."
        )
    return ""


def _progress(request: Request, n_electrons: int, step: int) -> bytes:
    electrons = "1 electron" if n_electrons == 1 else f"{n_electrons} electrons"
    return pack(
        {
            "event": "progress",
            "id": request.id,
            "step": step,
            "steps": 2,
            "text": f"solving {electrons}",
        }
    )


def _solver(request: Request, n_electrons: int) -> Solver:
    return Solver(
        request.box, n_electrons, request.interaction, strength=request.strength, max_memory=2.0
    )


def _potential(request: Request) -> Array:
    if request.field is None:
        raise ValueError(f"a {request.kind} request has no field")
    return request.field
