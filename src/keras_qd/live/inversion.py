"""The reverse direction: from a drawn density to a potential, streamed solution by solution."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from keras_qd.errors import DataError
from keras_qd.inverse import Inversion, Iteration, density_of_picture, invert
from keras_qd.live.messages import Array, Request, Send, pack
from keras_qd.physics.solution import NEAR_DEGENERACY

#: Exact solutions and seconds of processor time that a search may take.
_MOST_ITERATIONS = 500
_MOST_SECONDS = 120.0

#: Full width at half maximum of what one pixel of the drawing becomes, as a fraction of the side.
_WIDTH = 0.12


def answer(request: Request, send: Send) -> None:
    """Send the target, after each exact solution the nearest potential so far, and its proof."""
    target = _target(request)
    send(pack({"event": "target", "id": request.id}, [target]))
    search = _Search(request, send)
    found = invert(
        target,
        request.box,
        request.n_electrons,
        request.tolerance,
        interaction=request.interaction,
        strength=request.strength,
        max_iterations=_MOST_ITERATIONS,
        max_seconds=_MOST_SECONDS,
        callback=search.take,
    )
    search.end(found)


def _target(request: Request) -> Array:
    """Return a density of N electrons that is smooth and vanishes at the walls, as drawn."""
    if request.field is None or request.field.min() < 0 or not request.field.any():
        raise DataError("draw the density first: it must be positive somewhere, negative nowhere")
    # Pictures have their top row first.
    return density_of_picture(
        request.field[::-1], request.box, request.n_pixels, request.n_electrons, _WIDTH
    )


@dataclass
class _Search:
    """Passes a search on to the page."""

    request: Request
    send: Send
    residuals: list[float] = field(default_factory=list)
    nearest: Iteration | None = None
    started: float = field(default_factory=time.perf_counter)

    def take(self, solution: Iteration) -> None:
        """Send the nearest potential so far, and the residuals of all."""
        self.residuals.append(solution.residual)
        if self.nearest is None or solution.residual < self.nearest.residual:
            self.nearest = solution
        self._show(self.nearest, ended=False)

    def end(self, found: Inversion) -> None:
        """Send what the search ended with."""
        self._show(
            found,
            ended=True,
            energy=found.energy,
            gap=found.gap,
            undecided="The ground state is almost degenerate."
            if found.gap < NEAR_DEGENERACY
            else "",
            determined=float(np.mean(found.determined)),
            density_error=found.density_error,
            converged=found.converged,
            explanation=found.explanation,
        )

    def _show(self, found: Inversion | Iteration, **others: object) -> None:
        pixel = self.request.box.pixel_area(self.request.n_pixels)
        header = {
            "event": "iteration",
            "id": self.request.id,
            "n_electrons": self.request.n_electrons,
            "integral": float(found.density.sum() * pixel),
            "residual": found.residual,
            "residuals": self.residuals,
            "seconds": time.perf_counter() - self.started,
            **others,
        }
        self.send(pack(header, [found.potential, found.density]))
