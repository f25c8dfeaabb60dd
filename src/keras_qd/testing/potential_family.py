"""Checks of a family of random potentials: seeded, the same on any grid, described in JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from keras_qd.errors import UsageError
from keras_qd.inverse.design_space import DesignSpace
from keras_qd.physics.box import Box
from keras_qd.physics.line.potentials import FAMILIES as LINE_FAMILIES
from keras_qd.physics.line.potentials import LineFamily
from keras_qd.physics.potentials.base import (
    FAMILIES,
    KIND,
    Family,
    PotentialFamily,
    build_family,
    sample_generator,
)
from keras_qd.registry import is_component_name
from keras_qd.testing.findings import Findings, find_registered, survives_json

_LENGTH = 10.0

#: Returns what a family drew for one index, and its potential on some number of points.
_Draw: TypeAlias = Callable[[int, int], tuple[dict[str, Any], np.ndarray]]


def check_potential_family(family: str | Family, **settings: Any) -> tuple[str, ...]:
    """Check a family of random potentials, in a box or on a line.

    It must be registered, where a name is given, and be a frozen dataclass whose settings survive
    JSON. It must draw a number for each of its parameters, from the random generator that it is
    given alone, and compute finite potentials in double precision that depend on these parameters
    alone and are the same smooth function on every grid. Each parameter to which a device can be
    set must change the potential, which must be finite at both bounds.

    Parameters
    ----------
    family : str or Family
        A name among the components ``potentials`` or else ``line_potentials``, or a family object,
        which need not be registered: ``check_potential_family(MyFamily())``.
    **settings
        Settings of the family, where a name is given.

    Returns
    -------
    tuple of str
        The parameters that ``keras-qd invert --family`` and
        :func:`keras_qd.inverse.invert_in_family` set. Empty where no device can be designed: with
        all parameters fixed, of a mixture, or on a line.

    Raises
    ------
    ConformanceError
        If anything is wrong; it lists everything that is.

    Examples
    --------
    >>> from keras_qd.testing import check_potential_family
    >>> check_potential_family("gate-array", n_gates=1, outer_energy=(2.0, 4.0))
    ('outer_energy', 'gate_0_0')
    >>> check_potential_family("random-mixture")
    ()
    """
    what = repr(family) if isinstance(family, str) else type(family).__name__
    found = Findings(f"the potential family {what}")
    built: Any = family
    if isinstance(family, str):
        built = _build(found, family, settings)
    designable = () if built is None else _check_built(found, built)
    found.raise_if_any()
    return designable


def _build(found: Findings, name: str, settings: dict[str, Any]) -> Any:
    on_line = name in LINE_FAMILIES and name not in FAMILIES
    families: Mapping[str, Any] = LINE_FAMILIES if on_line else FAMILIES
    kind = LINE_FAMILIES.kind if on_line else KIND
    if find_registered(found, kind, name) is None:
        return None
    return found.attempt("building it", build_family, families, name, settings)


def _check_built(found: Findings, family: Any) -> tuple[str, ...]:
    if not found.require(
        isinstance(family, PotentialFamily | LineFamily),
        f"it is a {type(family).__name__}",
        "derive it from keras_qd.physics.PotentialFamily and give an object, not the class",
    ):
        return ()
    _check_description(found, family)
    draw, grids = _drawing(family)
    if found.attempt("drawing a sample", _check_sample, found, family, draw, grids) is not None:
        found.attempt("drawing again", _check_repeats, found, draw, grids[0])
        found.attempt("drawing on a finer grid", _check_grids, found, draw, grids)
        if isinstance(family, PotentialFamily):
            return found.attempt("setting its parameters", _check_device, found, family) or ()
    return ()


def _check_device(found: Findings, family: PotentialFamily) -> tuple[str, ...]:
    """Check that a device of the family can be designed; return the parameters to set."""
    try:
        names = tuple(parameter.name for parameter in family.device_parameters)
    except UsageError:  # a mixture is not a device
        return ()
    if not names:
        return ()
    space = DesignSpace(family, Box(_LENGTH), 16)
    centre = sample_generator(0, 0).uniform(0.3, 0.7, len(names))
    before = space.potential(centre)
    for number, name in enumerate(names):
        moved = [np.where(np.arange(len(names)) == number, end, centre) for end in (0.0, 1.0)]
        ends = [space.potential(coordinates) for coordinates in moved]
        if found.require(
            all(bool(np.isfinite(potential).all()) for potential in ends),
            f"with {name} at one of its bounds the potential is not finite",
            "choose bounds between which a device can be set",
        ):
            found.require(
                not all(np.allclose(potential, before) for potential in ends),
                f"the potential does not depend on {name}",
                "use the parameter in values, or leave it out of parameters",
            )
    return names


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
