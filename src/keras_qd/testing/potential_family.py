"""Checks of a family of random potentials: seeded, the same on any grid, described in JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from keras_qd.physics.box import Box
from keras_qd.physics.line.potentials import LineFamily
from keras_qd.physics.potentials.base import (
    KIND,
    Family,
    PotentialFamily,
    potential_family,
    sample_generator,
)
from keras_qd.registry import is_component_name
from keras_qd.testing.findings import Findings, find_registered, survives_json

_LENGTH = 10.0

#: Returns what a family drew for one index, and its potential on some number of points.
_Draw: TypeAlias = Callable[[int, int], tuple[dict[str, Any], np.ndarray]]


def check_potential_family(family: str | Family, **settings: Any) -> None:
    """Check a family of random potentials, in a box or on a line.

    It must be registered, where a name is given, and be a frozen dataclass whose settings survive
    JSON. It must draw a number for each of its parameters, from the random generator that it is
    given alone, and compute finite potentials in double precision that depend on these parameters
    alone and are the same smooth function on every grid.

    Parameters
    ----------
    family : str or Family
        A name among :func:`keras_qd.physics.potential_families`, or a family object, which need not
        be registered: ``check_potential_family(MyFamily())``.
    **settings
        Settings of the family, where a name is given.

    Raises
    ------
    ConformanceError
        If anything is wrong; it lists everything that is.

    Examples
    --------
    >>> from keras_qd.testing import check_potential_family
    >>> check_potential_family("random-fourier", amplitude=0.5)
    """
    what = repr(family) if isinstance(family, str) else type(family).__name__
    found = Findings(f"the potential family {what}")
    built: Any = family
    if isinstance(family, str):
        built = None
        if find_registered(found, KIND, family) is not None:
            built = found.attempt("building it", potential_family, family, **settings)
    if built is not None:
        _check_built(found, built)
    found.raise_if_any()


def _check_built(found: Findings, family: Any) -> None:
    if not found.require(
        isinstance(family, PotentialFamily | LineFamily),
        f"it is a {type(family).__name__}",
        "derive it from keras_qd.physics.PotentialFamily and give an object, not the class",
    ):
        return
    _check_description(found, family)
    draw, grids = _drawing(family)
    if found.attempt("drawing a sample", _check_sample, found, family, draw, grids) is not None:
        found.attempt("drawing again", _check_repeats, found, draw, grids[0])
        found.attempt("drawing on a finer grid", _check_grids, found, draw, grids)


def _drawing(family: Any) -> tuple[_Draw, tuple[int, int, slice]]:
    """Return a function that draws a sample, and two grids of which the second holds the first."""
    on_line = isinstance(family, LineFamily)
    box = _LENGTH if on_line else Box(_LENGTH)

    def draw(index: int, n: int) -> tuple[dict[str, Any], np.ndarray]:
        drawn = family.draw(sample_generator(0, index))
        return drawn, family.values(drawn, box, n)

    return draw, (15, 31, slice(1, None, 2)) if on_line else (16, 48, slice(1, None, 3))


def _check_description(found: Findings, family: Any) -> None:
    found.require(
        is_component_name(str(getattr(family, "name", ""))),
        f"its name is {getattr(family, 'name', None)!r}",
        "set the class attribute name to lower-case words joined with hyphens",
    )
    fields = [entry.name for entry in dataclasses.fields(family)]
    found.require(
        type(family).__dataclass_params__.frozen,
        "it can be changed once it is built",
        "decorate it with dataclasses.dataclass(frozen=True, kw_only=True)",
    )
    unknown = [name for name in family.energies if name not in fields]
    found.require(
        not unknown,
        f"its energies name {', '.join(unknown)}",
        f"name settings: {', '.join(fields) or 'there are none'}",
    )
    found.attempt("writing down its settings", _check_configuration, found, family)


def _check_configuration(found: Findings, family: Any) -> None:
    settings = family.configuration()
    if found.require(
        survives_json(settings),
        "its configuration holds what JSON cannot",
        "return plain numbers, text and lists",
    ):
        again = type(family)(**json.loads(json.dumps(settings)))
        found.require(
            again.configuration() == settings,
            "built again from its configuration it has other settings",
            "let configuration return every setting, in the form that the class takes",
        )


def _check_sample(found: Findings, family: Any, draw: _Draw, grids: Any) -> bool | None:
    drawn = family.draw(sample_generator(0, 0))
    names = family.parameter_names
    named = found.require(
        all(isinstance(drawn.get(name), Real) for name in names),
        f"a sample has {', '.join(drawn) or 'no parameters'}, and its parameters are "
        f"{', '.join(names)}",
        "let draw return a number for each of them",
    )
    if not named:
        return None
    values = draw(0, grids[0])[1]
    shape = (grids[0],) if isinstance(family, LineFamily) else (grids[0], grids[0])
    sound = found.require(
        getattr(values, "shape", None) == shape and values.dtype == np.float64,
        f"a sample is {getattr(values, 'dtype', type(values).__name__)} of shape "
        f"{getattr(values, 'shape', None)}, expected float64 of shape {shape}",
        "return one value for each pixel or node, in double precision",
    )
    if not sound:
        return None
    found.require(
        bool(np.isfinite(values).all()),
        "a sample holds NaN or infinity",
        "keep every value finite: the box has its walls",
    )
    return True


def _check_repeats(found: Findings, draw: _Draw, size: int) -> None:
    first, other, again = (draw(index, size)[1] for index in (0, 1, 0))
    found.require(
        bool(np.array_equal(first, again)),
        "the same random generator gives another potential the second time",
        "draw from the generator alone, and keep nothing between samples",
    )
    found.require(
        not np.array_equal(first, other),
        "two random generators give the same potential",
        "draw from the generator that is given; let a setting be a range by default",
    )


def _check_grids(found: Findings, draw: _Draw, grids: tuple[int, int, slice]) -> None:
    coarse, fine = draw(0, grids[0])[1], draw(0, grids[1])[1]
    shared = fine[(grids[2],) * fine.ndim]
    scale = max(1.0, float(np.abs(coarse).max()))
    found.require(
        bool(np.allclose(coarse, shared, rtol=0.0, atol=1e-3 * scale)),
        "on another grid the same parameters give another potential",
        "compute values of one function of x and y at the cell centres",
    )
