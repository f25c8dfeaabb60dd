"""Families of random potentials: their base class, their names, and seeded sampling."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PluginError, UnknownNameError, UsageError
from keras_qd.physics.box import Box
from keras_qd.registry import KINDS, components

#: A setting: one number that fixes it, or a pair (low, high) from which each sample draws it.
Setting: TypeAlias = float | tuple[float, float]
#: What was drawn for one sample, by name: numbers, and arrays such as the coefficients of a field.
Drawn: TypeAlias = dict[str, Any]

AnyFamily = TypeVar("AnyFamily", bound="Family")


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A number that a family of potentials draws for each sample, and its range.

    Parameters
    ----------
    name : str
        Name of the parameter.
    setting : float or pair of float
        The value, or the bounds (low, high) between which it is drawn.
    is_length : bool, default False
        Whether it is drawn as a fraction of the side of the box; data sets store it in a0*.
    is_count : bool, default False
        Whether it is a whole number.

    Examples
    --------
    >>> Parameter("depth", (1.0, 3.0)).bounds
    (1.0, 3.0)
    """

    name: str
    setting: Setting
    is_length: bool = False
    is_count: bool = False

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return bounds(self.setting)

    def draw(self, generator: np.random.Generator) -> float:
        """Draw a value uniformly between the bounds.

        Parameters
        ----------
        generator : numpy.random.Generator
            Source of randomness.

        Returns
        -------
        float
            An int for a count.
        """
        if self.is_count:
            low, high = (int(bound) for bound in self.bounds)
            return int(generator.integers(low, high, endpoint=True))
        return draw_uniform(generator, self.setting)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family(ABC):
    """Base of all families of random potentials: a name, checked settings and parameters."""

    # A family is a frozen dataclass whose fields are its settings. A setting is a number, or a pair
    # (low, high) from which every sample draws uniformly. Lengths are fractions of the length of
    # the box, so that one configuration means the same in every box; energies are in Ha*, angles in
    # radians. `name` is the registered name, `energies` the settings that are energies, `limits`
    # the least and the largest value of each setting that `replace_checked` checks.

    name: ClassVar[str]
    energies: ClassVar[tuple[str, ...]] = ()
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}

    @classmethod
    def convert_energies(
        cls, settings: Mapping[str, object], convert: Callable[[float], float]
    ) -> dict[str, object]:
        """Return settings of this family with `convert` applied to each of its energies."""
        return {
            name: _converted(value, convert) if name in cls.energies else value
            for name, value in settings.items()
        }

    @property
    @abstractmethod
    def parameters(self) -> tuple[Parameter, ...]:
        """The numbers that describe a sample, in the order in which they are drawn and stored."""

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the parameters, in their order."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def device_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that a device can be set to: continuous ones with a range."""
        ranges = ((parameter, *parameter.bounds) for parameter in self.parameters)
        return tuple(each for each, low, high in ranges if low < high and not each.is_count)

    def draw(self, generator: np.random.Generator) -> Drawn:
        """Draw the parameters of one sample: by default each uniformly between its bounds."""
        return {parameter.name: parameter.draw(generator) for parameter in self.parameters}

    def in_units(self, drawn: Mapping[str, Any], length: float) -> dict[str, float]:
        """Return drawn parameters, by the names in `parameter_names`, in a0*, Ha* and radians."""
        return {
            each.name: drawn[each.name] * length if each.is_length else drawn[each.name]
            for each in self.parameters
        }

    def configuration(self) -> dict[str, object]:
        """Return the settings by name, as plain numbers, text and lists (ready for JSON)."""
        settings = dataclasses.asdict(self)
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in settings.items()
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class PotentialFamily(Family):
    """Base of the families of potentials in the two-dimensional box.

    A family names its `parameters` and computes `values` from them; where not all of them are
    drawn uniformly it overrides `draw`.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Slope(PotentialFamily):
    ...     name = "slope"
    ...     field: tuple[float, float] = (0.1, 1.0)
    ...
    ...     @property
    ...     def parameters(self):
    ...         return (Parameter("field", self.field),)
    ...
    ...     def values(self, drawn, box, n_pixels):
    ...         return drawn["field"] * box.mesh(n_pixels)[0]
    >>> drawn = Slope().draw(np.random.default_rng(0))
    >>> list(drawn), Slope().values(drawn, Box(10.0), 32).shape
    (['field'], (32, 32))
    """

    @abstractmethod
    def values(self, drawn: Mapping[str, Any], box: Box, n_pixels: int) -> NDArray[np.float64]:
        """Return the potential of given parameters.

        Parameters
        ----------
        drawn : mapping
            The parameters, as `draw` returns them.
        box : Box
            The hard-wall box.
        n_pixels : int
            Pixels a side; the function that is sampled does not depend on it.

        Returns
        -------
        ndarray, shape (n_pixels, n_pixels), float64
            The potential at the cell centres in Ha*; y along the first axis, x along the last.
        """

    def sample(
        self, generator: np.random.Generator, box: Box, n_pixels: int
    ) -> tuple[NDArray[np.float64], dict[str, float]]:
        """Draw one potential.

        Parameters
        ----------
        generator : numpy.random.Generator
            The only source of randomness.
        box : Box
            The hard-wall box.
        n_pixels : int
            Pixels a side.

        Returns
        -------
        values : ndarray, shape (n_pixels, n_pixels), float64
            The potential at the cell centres in Ha*; y along the first axis, x along the last.
        parameters : dict of str to float
            The parameters in a0*, Ha* and radians, by the names in `parameter_names`.
        """
        drawn = self.draw(generator)
        return self.values(drawn, box, n_pixels), self.in_units(drawn, box.length)


def build_family(
    families: Mapping[str, type[AnyFamily]], name: str, settings: Mapping[str, object]
) -> AnyFamily:
    """Build the family of a name, or raise an error that names near matches."""
    family = families.get(name)
    if family is None:
        raise UnknownNameError("potential family", name, families)
    known = [field.name for field in dataclasses.fields(family)]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise UsageError(
            f"{name} has no parameter {', '.join(map(repr, unknown))}; it has {', '.join(known)}"
        )
    return family(**settings)


def draw_uniform(generator: np.random.Generator, setting: Setting) -> float:
    """Draw a value between the bounds of a setting."""
    # A fixed setting uses up a random number as well: what follows does not depend on it.
    low, high = bounds(setting)
    return low + (high - low) * float(generator.random())


def bounds(setting: Setting) -> tuple[float, float]:
    """Lower and upper end of a setting: equal for a single number."""
    if isinstance(setting, int | float):
        return float(setting), float(setting)
    low, high = setting
    return float(low), float(high)


def checked_setting(
    family: str, name: str, setting: object, least: float = -math.inf, most: float = math.inf
) -> Setting:
    """Return a setting as a float or a pair of floats, or raise `UsageError`."""
    single = isinstance(setting, int | float | np.number)
    try:
        numbers = [float(number) for number in _as_sequence(setting)]
    except (TypeError, ValueError, OverflowError):
        numbers = []
    ascending = len(numbers) == (1 if single else 2) and numbers == sorted(numbers)
    if not ascending or not all(math.isfinite(n) and least <= n <= most for n in numbers):
        raise UsageError(
            f"{family}: {name}={setting!r} is not usable; give a number or a pair (low, high)"
            f" between {least:g} and {most:g}"
        )
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def checked_count(family: str, name: str, count: object, least: int, most: int) -> int:
    """Return a whole number within ``[least, most]``, or raise `UsageError`."""
    if isinstance(count, bool) or not isinstance(count, int) or not least <= count <= most:
        raise UsageError(
            f"{family}: {name}={count!r} is not usable; give a whole number from {least} to {most}"
        )
    return count


def replace_checked(family: Family) -> None:
    """Check the settings of a frozen family against its limits, and store them in plain form."""
    for name, (least, most) in family.limits.items():
        value = checked_setting(family.name, name, getattr(family, name), least, most)
        object.__setattr__(family, name, value)


def _converted(value: Any, convert: Callable[[float], float]) -> Any:
    """Convert a number or each of several; leave anything else for the family to refuse."""
    if isinstance(value, list | tuple):
        return type(value)(_converted(each, convert) for each in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return convert(value)
    return value


def _as_sequence(setting: Any) -> Iterable[Any]:
    if isinstance(setting, str | bool):
        raise TypeError("text and booleans are not settings")
    return setting if isinstance(setting, Iterable) else (setting,)


#: Kind of component, and so the group of entry points ``keras_qd.potentials``.
KIND = "potentials"


class RegisteredFamilies(Mapping[str, type[AnyFamily]]):
    """The classes of all registered families of one kind, each imported when it is asked for."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __getitem__(self, name: str) -> type[AnyFamily]:
        try:
            family: type[AnyFamily] = components(self.kind).get_class(name)
        except UnknownNameError as error:
            raise KeyError(name) from error
        if family.name != name:
            raise PluginError(
                f"the {KINDS[self.kind]} {name!r} of {components(self.kind).origin(name)} is "
                f"{family!r}, whose name is {family.name!r}; register it under its own name"
            )
        return family

    def __iter__(self) -> Iterator[str]:
        return iter(components(self.kind).names())

    def __len__(self) -> int:
        return len(components(self.kind).names())


FAMILIES: RegisteredFamilies[PotentialFamily] = RegisteredFamilies(KIND)


def potential_families() -> tuple[str, ...]:
    """Return the names of the families of random potentials, importing none of them.

    Returns
    -------
    tuple of str
        Sorted: those of this package, of all installed plug-ins, and of this session.

    Examples
    --------
    >>> "random-fourier" in potential_families()
    True
    """
    return tuple(FAMILIES)


def potential_family(name: str, **parameters: object) -> PotentialFamily:
    """Build a family of random potentials.

    Parameters
    ----------
    name : str
        One of `potential_families`.
    **parameters
        The settings of the family; each family's class documents its own.

    Returns
    -------
    PotentialFamily
        The family; its ``sample(generator, box, n_pixels)`` draws one potential.

    Raises
    ------
    UnknownNameError
        There is no such family.
    UsageError
        A setting that the family does not have, or a value it cannot use.
    PluginError
        The plug-in that provides it cannot be imported, or provides something else.

    Examples
    --------
    >>> potential_family("random-fourier", amplitude=0.5).configuration()["amplitude"]
    0.5
    """
    return build_family(FAMILIES, name, parameters)


def family_origins(family: PotentialFamily) -> dict[str, str]:
    """Return the distribution and version that provide a family and those that it mixes."""
    names = [family.name, *(part.name for part in getattr(family, "families", ()))]
    return {name: components(KIND).origin(name) for name in names}


def rotated_frame(
    box: Box, n_pixels: int, centre_x: float, centre_y: float, angle: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates (u, v) of the cell centres about a centre in a0*, u at an angle to the x axis."""
    x, y = box.mesh(n_pixels)
    x, y = x - centre_x, y - centre_y
    return (
        x * math.cos(angle) + y * math.sin(angle),
        y * math.cos(angle) - x * math.sin(angle),
    )


def sample_generator(seed: int, index: int) -> np.random.Generator:
    """Return the random generator of one sample.

    Parameters
    ----------
    seed : int
        Root seed of the data set, not negative.
    index : int
        Number of the sample, not negative.

    Returns
    -------
    numpy.random.Generator
        PCG64 on ``SeedSequence(seed, spawn_key=(index,))``: the same on every machine, in every
        order, with any number of workers.

    Raises
    ------
    UsageError
        A negative seed or index.

    Examples
    --------
    >>> first, again = (sample_generator(seed=7, index=3).random() for _ in range(2))
    >>> first == again
    True
    """
    if seed < 0 or index < 0:
        raise UsageError(f"seed={seed} and index={index} must not be negative")
    sequence = np.random.SeedSequence(seed, spawn_key=(index,))
    return np.random.Generator(np.random.PCG64(sequence))


def sample_potentials(
    n_samples: int,
    box: Box,
    n_pixels: int = 64,
    *,
    family: str | PotentialFamily = "random-fourier",
    seed: int = 0,
    first: int = 0,
    **parameters: object,
) -> NDArray[np.float64]:
    """Draw random potentials.

    Parameters
    ----------
    n_samples : int
        How many.
    box : Box
        The hard-wall box.
    n_pixels : int, default 64
        Pixels a side. Another number samples the same functions on another grid.
    family : str or PotentialFamily, default "random-fourier"
        A name among `potential_families`, or a family that is already built.
    seed : int, default 0
        Root seed.
    first : int, default 0
        Number of the first sample: samples 10 to 19 are the same, drawn alone or as part of more.
    **parameters
        Settings of the family, where it is named.

    Returns
    -------
    ndarray, shape (n_samples, n_pixels, n_pixels), float64
        Potentials at the cell centres in Ha*; y along the second axis, x along the last.

    Raises
    ------
    UnknownNameError
        There is no such family.
    UsageError
        A setting that the family does not have, or a number of samples or pixels below 1.

    Examples
    --------
    >>> from keras_qd import physics
    >>> potentials = physics.sample_potentials(3, physics.Box(10.0), 32, seed=1)
    >>> potentials.shape
    (3, 32, 32)
    """
    if n_samples < 1 or n_pixels < 1:
        raise UsageError(f"n_samples={n_samples} and n_pixels={n_pixels} must be at least 1")
    if isinstance(family, str):
        family = potential_family(family, **parameters)
    elif parameters:
        raise UsageError(
            f"the family {family.name!r} is built already: give {', '.join(parameters)} to"
            " potential_family instead"
        )
    potentials = np.empty((n_samples, n_pixels, n_pixels))
    for row in range(n_samples):
        generator = sample_generator(seed, first + row)
        potentials[row], _ = family.sample(generator, box, n_pixels)
    return potentials
