"""Seeded sampling: sample i depends on the seed, i and the configuration alone."""

from __future__ import annotations

import dataclasses
import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import PluginError, UnknownNameError, UsageError
from keras_qd.physics.box import Box
from keras_qd.registry import components

#: A setting: one number that fixes it, or a pair (low, high) from which each sample draws it.
Setting: TypeAlias = float | tuple[float, float]
#: What was drawn for one sample, by name.
Drawn: TypeAlias = dict[str, float]

AnyFamily = TypeVar("AnyFamily", bound="Family")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family(ABC):
    """Base of all families of random potentials: a name and checked settings.

    A family is a frozen dataclass whose fields are its settings. A setting is a number, or a pair
    ``(low, high)`` from which every sample draws uniformly. Lengths among the settings are
    fractions of the length of the box, so that one configuration means the same in every box;
    energies are in Ha*. What was drawn for a sample is in a0*, Ha* and radians.

    Attributes
    ----------
    name : str
        The name that finds it.
    energies : tuple of str
        The settings that are energies.
    parameter_names : tuple of str
        The names of the drawn parameters: the same for every sample of one family object.
    """

    name: ClassVar[str]
    energies: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def convert_energies(
        cls, settings: Mapping[str, object], convert: Callable[[float], float]
    ) -> dict[str, object]:
        """Return settings of this family with the energies among them in another unit.

        Parameters
        ----------
        settings : mapping of str to object
            What :func:`build_family` would be given.
        convert : callable
            From the unit that they are in to the one wanted.
        """
        return {
            name: _converted(value, convert) if name in cls.energies else value
            for name, value in settings.items()
        }

    @property
    @abstractmethod
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the drawn parameters, in the order in which samples give them."""

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

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Slope(PotentialFamily):
    ...     name = "slope"
    ...     field: tuple[float, float] = (0.1, 1.0)
    ...
    ...     @property
    ...     def parameter_names(self):
    ...         return ("field",)
    ...
    ...     def sample(self, generator, box, n_pixels):
    ...         field = draw_uniform(generator, self.field)
    ...         return field * box.mesh(n_pixels)[0], {"field": field}
    >>> values, drawn = Slope().sample(np.random.default_rng(0), Box(10.0), 32)
    >>> values.shape, list(drawn)
    ((32, 32), ['field'])
    """

    @abstractmethod
    def sample(
        self, generator: np.random.Generator, box: Box, n_pixels: int
    ) -> tuple[NDArray[np.float64], Drawn]:
        """Draw one potential.

        Parameters
        ----------
        generator : numpy.random.Generator
            The only source of randomness. The same state gives the same smooth function
            whatever the number of pixels.
        box : Box
            The hard-wall box.
        n_pixels : int
            Pixels a side.

        Returns
        -------
        values : ndarray, shape (n_pixels, n_pixels), float64
            The potential at the cell centres in Ha*; y along the first axis, x along the last.
        parameters : dict of str to float
            What was drawn, by the names in `parameter_names`.
        """


def build_family(
    families: Mapping[str, type[AnyFamily]], name: str, settings: Mapping[str, object]
) -> AnyFamily:
    """Build one of several families, or say which name or setting is unknown.

    Parameters
    ----------
    families : mapping of str to type
        The known families.
    name : str
        The one wanted.
    settings : mapping of str to object
        Its settings.

    Raises
    ------
    UnknownNameError
        No such family.
    UsageError
        A setting that it does not have, or a value it cannot use.
    """
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
    """Draw a value of a setting; a fixed one uses up a random number as well.

    So the numbers that follow in the stream do not depend on which settings are fixed.
    """
    low, high = bounds(setting)
    return low + (high - low) * float(generator.random())


def bounds(setting: Setting) -> tuple[float, float]:
    """Lower and upper end of a setting.

    Examples
    --------
    >>> bounds(1.5), bounds((1.0, 2.0))
    ((1.5, 1.5), (1.0, 2.0))
    """
    if isinstance(setting, int | float):
        return float(setting), float(setting)
    low, high = setting
    return float(low), float(high)


def checked_setting(
    family: str, name: str, setting: object, least: float = -math.inf, most: float = math.inf
) -> Setting:
    """Return a setting as a float or a pair of floats, or say what is wrong with it.

    Parameters
    ----------
    family, name : str
        Where the setting belongs, for the message.
    setting : object
        What was given: a number or a pair of numbers.
    least, most : float
        The range that the family can do anything sensible with.

    Raises
    ------
    UsageError
        Not a number or an ascending pair of numbers within ``[least, most]``.
    """
    try:
        numbers = [float(number) for number in _as_sequence(setting)]
    except (TypeError, ValueError):
        numbers = []
    ascending = len(numbers) in (1, 2) and numbers == sorted(numbers)
    if not ascending or not all(math.isfinite(n) and least <= n <= most for n in numbers):
        raise UsageError(
            f"{family}: {name}={setting!r} is not usable; give a number or a pair (low, high)"
            f" between {least:g} and {most:g}"
        )
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])


def checked_count(family: str, name: str, count: object, least: int, most: int) -> int:
    """Return a whole number within ``[least, most]``, or say what is wrong with it."""
    if isinstance(count, bool) or not isinstance(count, int) or not least <= count <= most:
        raise UsageError(
            f"{family}: {name}={count!r} is not usable; give a whole number from {least} to {most}"
        )
    return count


def replace_checked(family: Family, **limits: tuple[float, float]) -> None:
    """Check the named settings of a frozen family and store them in their plain form."""
    for name, (least, most) in limits.items():
        value = checked_setting(family.name, name, getattr(family, name), least, most)
        object.__setattr__(family, name, value)


def _converted(value: Any, convert: Callable[[float], float]) -> Any:
    """Convert a number or each of several; what is neither is left to be refused by the family."""
    if isinstance(value, list | tuple):
        return type(value)(_converted(each, convert) for each in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return convert(value)
    return value


def _as_sequence(setting: Any) -> Iterable[Any]:
    if isinstance(setting, str | bool):
        raise TypeError("text and truth values are no settings")
    return setting if isinstance(setting, Iterable) else (setting,)


#: Their kind of component, and so their group of entry points, ``keras_qd.potentials``.
KIND = "potentials"


class RegisteredFamilies(Mapping[str, type[PotentialFamily]]):
    """The classes of all registered families, each imported when it is asked for."""

    def __getitem__(self, name: str) -> type[PotentialFamily]:
        try:
            family = components(KIND).get(name)
        except UnknownNameError as error:
            raise KeyError(name) from error
        known = inspect.isclass(family) and issubclass(family, PotentialFamily)
        if not known or family.name != name:
            raise PluginError(
                f"the potential family {name!r} of {components(KIND).origin(name)} is {family!r}; "
                "register a subclass of keras_qd.physics.PotentialFamily, under its own name"
            )
        return cast(type[PotentialFamily], family)

    def __iter__(self) -> Iterator[str]:
        return iter(components(KIND).names())

    def __len__(self) -> int:
        return len(components(KIND).names())


FAMILIES = RegisteredFamilies()


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
        Its ``sample(generator, box, n_pixels)`` draws one potential.

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
    """Return which distribution and version a family is of, or each one of a mixture.

    Parameters
    ----------
    family : PotentialFamily
        A family whose name is registered.

    Returns
    -------
    dict of str to str
        Name of the family -> distribution and version, or ``"this session"``.

    Examples
    --------
    >>> sorted(family_origins(potential_family("random-mixture", components=["parabolic"])))
    ['parabolic', 'random-mixture']
    """
    names = [family.name, *(part.name for part in getattr(family, "families", ()))]
    return {name: components(KIND).origin(name) for name in names}


def rotated_frame(
    box: Box, n_pixels: int, centre_x: float, centre_y: float, angle: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of the cell centres in a frame of their own.

    Parameters
    ----------
    box : Box
        The box.
    n_pixels : int
        Pixels a side.
    centre_x, centre_y : float
        Origin of the frame in a0*.
    angle : float
        Angle from the x axis to the first axis of the frame, in radians.

    Returns
    -------
    u, v : ndarray, shape (n_pixels, n_pixels)
        Coordinates along the first and the second axis of the frame in a0*.
    """
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
