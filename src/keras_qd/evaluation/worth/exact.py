"""The exact solver behind a data set, with the settings that the data set was made with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_qd.data.recipes import RECIPES, recipe_class
from keras_qd.evaluation.worth.timing import median_seconds
from keras_qd.physics import Box, Interaction, Solver, solve_1d

Array = NDArray[Any]

#: Systems on a line are solved so many at a time, as when data is made.
_LINES_AT_A_TIME = 512


@dataclass(frozen=True)
class ExactSolver:
    """What solves the systems of a data set exactly.

    Parameters
    ----------
    description : str
        What it solves, in words.
    solve : callable
        Solves the potentials of some systems, shape (m, ...).
    batch : int
        How many it is given at a time.
    """

    description: str
    solve: Callable[[Array], object]
    batch: int

    def seconds(self, potentials: Any) -> float:
        """Return the median time that one system takes.

        Parameters
        ----------
        potentials : array, shape (n, ...)
            Systems to try it on, in Ha*; they are taken in turn.
        """
        size = min(self.batch, len(potentials))
        starts = itertools.cycle(range(0, len(potentials) - size + 1, size))

        def next_ones() -> object:
            first = next(starts)
            return self.solve(np.asarray(potentials[first : first + size], dtype=np.float64))

        return median_seconds(next_ones) / size


def exact_solver(configuration: Mapping[str, Any], fields: Iterable[str]) -> ExactSolver | None:
    """Return the solver that made a data set; None for data that no solver here makes.

    Parameters
    ----------
    configuration : mapping
        Of the data set, as its store keeps it.
    fields : iterable of str
        The fields that are wanted: those of electrons without interaction cost less.
    """
    kind = configuration.get("kind")
    if kind == "quantum-dots":
        return _dots(configuration, fields)
    return _wells(configuration) if kind == "wells-1d" else None


def _dots(configuration: Mapping[str, Any], fields: Iterable[str]) -> ExactSolver:
    interaction = Interaction(
        *(configuration[key] for key in ("interaction", "thickness", "screening_length"))
    )
    solver = Solver(
        Box(configuration["box_length"]),
        configuration["n_electrons"],
        interaction,
        configuration["n_orbitals"],
        configuration["strength"],
    )
    free = all(name.endswith("_noninteracting") for name in fields)
    solve = solver.solve_noninteracting if free else solver.solve
    pixels = configuration["n_pixels"]
    what = "no interaction" if free else f"interaction {interaction.name}"
    description = (
        f"exact diagonalisation, N = {solver.n_electrons}, M = {configuration['n_orbitals']}, "
        f"{pixels} x {pixels} pixels, L = {configuration['box_length']:g} a0*, {what}"
    )
    return ExactSolver(description, lambda potentials: [solve(each) for each in potentials], 1)


def _wells(configuration: Mapping[str, Any]) -> ExactSolver:
    length = configuration["length"]
    description = (
        f"Numerov's matrix, one electron on {configuration['n_points']} points, L = {length:g} "
        f"a0*, {_LINES_AT_A_TIME} at a time"
    )
    return ExactSolver(description, lambda each: solve_1d(each, length), _LINES_AT_A_TIME)


def seconds_to_make(configuration: Mapping[str, Any]) -> float | None:
    """Return the time that making one sample of a data set takes; None where nothing here makes it.

    Parameters
    ----------
    configuration : mapping
        Of the data set, as its store keeps it.
    """
    if configuration.get("kind") not in RECIPES:
        return None
    settings = {
        key: value for key, value in configuration.items() if key not in ("kind", "recipe_version")
    }
    recipe = recipe_class(configuration["kind"])(**settings)
    starts = itertools.count(step=recipe.batch)

    def next_batch() -> object:
        start = next(starts)
        return recipe.make(range(start, start + recipe.batch))

    return median_seconds(next_batch) / recipe.batch
