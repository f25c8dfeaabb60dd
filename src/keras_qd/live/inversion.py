"""The reverse direction: from a drawn density to a potential, streamed while it is searched."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_qd.errors import DataError
from keras_qd.inverse import Inversion, density_of_picture, invert
from keras_qd.live.messages import Array, Request, pack
from keras_qd.physics.solution import NEAR_DEGENERACY

#: Exact solutions and seconds of processor time that a search may take.
_MOST_ITERATIONS = 500
_MOST_SECONDS = 120.0

#: Full width at half maximum of what one pixel of the drawing becomes, as a fraction of the side.
_WIDTH = 0.12


def answer(request: Request) -> Iterator[bytes]:
    """Yield the target, then the nearest potential so far, until the search ends."""
    target = _target(request)
    yield pack({"event": "target", "id": request.id}, [target])
    started = time.perf_counter()
    residuals: list[float] = []
    found, n_solutions = None, 1
    while True:
        found = _continued(request, target, found, n_solutions)
        residuals += found.residuals.tolist()[1 if residuals else 0 :]
        ended = found.reason != "iterations" or len(residuals) > _MOST_ITERATIONS
        ended |= time.perf_counter() - started > _MOST_SECONDS
        yield pack(
            _header(request, found, residuals, time.perf_counter() - started, ended),
            [found.potential, found.density],
        )
        if ended:
            return
        n_solutions = min(2 * n_solutions, 32)


def _target(request: Request) -> Array:
    """Return a density of N electrons that is smooth and vanishes at the walls, as drawn."""
    if request.field is None or request.field.min() < 0 or not request.field.any():
        raise DataError("draw the density first: it must be positive somewhere, negative nowhere")
    # Pictures have their top row first.
    return density_of_picture(
        request.field[::-1], request.box, request.n_pixels, request.n_electrons, _WIDTH
    )


def _continued(
    request: Request, target: Array, last: Inversion | None, n_solutions: int
) -> Inversion:
    """Search on from the best potential so far, for so many exact solutions."""
    settings: dict[str, Any] = {"interaction": request.interaction, "strength": request.strength}
    return invert(
        target,
        request.box,
        request.n_electrons,
        request.tolerance,
        start=None if last is None else last.potential,
        max_iterations=n_solutions,
        max_seconds=_MOST_SECONDS,
        **settings,
    )


def _header(
    request: Request, found: Inversion, residuals: list[float], seconds: float, ended: bool
) -> dict[str, object]:
    return {
        "event": "iteration",
        "id": request.id,
        "n_electrons": request.n_electrons,
        "integral": float(found.density.sum() * request.box.pixel_area(request.n_pixels)),
        "residual": found.residual,
        "residuals": residuals,
        "energy": found.energy,
        "gap": found.gap,
        "undecided": "The ground state is almost degenerate."
        if found.gap < NEAR_DEGENERACY
        else "",
        "determined": float(np.mean(found.determined)),
        "seconds": seconds,
        "ended": ended,
        "converged": found.converged,
        "explanation": found.explanation,
    }
