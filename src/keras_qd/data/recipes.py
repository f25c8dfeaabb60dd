"""How a data set is generated: recipes, and how to find that of a registered data set."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import ArrayLike

from keras_qd._checks import anything, optional, real, setting, table, text, truth, whole
from keras_qd.data.fields import Field
from keras_qd.data.store.writer import shard_size
from keras_qd.errors import PhysicsError, PluginError, UsageError
from keras_qd.physics.potentials.base import Family, sample_generator
from keras_qd.registry import components

#: Field with the number of draws of a sample that were refused before the one that is stored.
REFUSED = "refused"
REFUSED_FIELD = Field((), "1", "draws of this sample that the solver refused before", "uint8")

#: Draws of one sample after which a recipe counts as unable to make it.
MOST_DRAWS = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(ABC):
    """Base of the recipes by which data sets are generated.

    A recipe is a frozen dataclass: its dataclass fields are the settings, the root seed among them.
    Sample i depends on the settings and on i alone. Override :meth:`sample`, or :meth:`make` where
    samples are made in batches, and pass an instance to :func:`keras_qd.data.generate`.

    Where :meth:`sample` raises :class:`keras_qd.errors.PhysicsError`, what was drawn is refused:
    it is called again with the same generator, whose next numbers give the next draw. The field
    ``refused`` counts the refusals of each sample. After 100 in a row the error is raised. A recipe
    that overrides :meth:`make` decides itself what to do.

    A data set whose ``recipe`` is the class (:class:`keras_qd.data.GeneratedDataset`) is made by
    ``keras-qd generate NAME``, whose options are the settings.

    A recipe with an exact solver, with which the cost of a trained model is compared, has two more
    methods. ``solve_again(samples)`` solves at most :attr:`batch` stored samples: a mapping with
    the fields :attr:`identity`, :attr:`conditions` and those that are wanted, samples along the
    first axis.
    ``solver_description()`` returns in one line what that runs.

    Parameters
    ----------
    seed : int
        Root seed.

    Attributes
    ----------
    kind : str
        Name of the data set, stored with it; the registered name.
    version : int
        To be raised whenever the same settings begin to give other numbers.
    identity : str
        The field that all others follow from; samples equal in it count as the same sample.
    batch : int
        How many samples :meth:`make` is asked for at a time. Batches start at multiples of it, and
        are always complete, so that results of vectorised code do not depend on how the work was
        divided.
    lengths : tuple of str
        The settings that are lengths in a0*.
    families : mapping of str to type
        The families of potentials that the setting ``family`` chooses from.

    The option of a setting on the command line is its name without a leading ``n_``, or
    ``metadata["option"]`` of its dataclass field; its help is the first sentence of the docstring.
    Numbers, text and truth values are checked for their type, and for the bounds in
    ``metadata["range"]``; a subclass with a ``__post_init__`` calls that of this class first.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Slopes(Recipe):
    ...     kind = "slopes"
    ...     version = 1
    ...     identity = "slope"
    ...     fields = {"slope": Field((), "Ha*/a0*"), "drop": Field((), "Ha*")}
    ...     length: float = 10.0
    ...
    ...     def sample(self, generator):
    ...         slope = generator.normal()
    ...         return {"slope": slope, "drop": slope * self.length}
    >>> made = Slopes(seed=7).make(range(3))
    >>> bool((made["drop"] == 10.0 * made["slope"]).all())
    True
    """

    kind: ClassVar[str]
    version: ClassVar[int]
    identity: ClassVar[str]
    batch: ClassVar[int] = 1
    lengths: ClassVar[tuple[str, ...]] = ()
    families: ClassVar[Mapping[str, type[Family]]] = {}

    seed: int = dataclasses.field(default=0, metadata={"range": (0, 2**63 - 1)})

    def __post_init__(self) -> None:
        for name, check in setting_checks(type(self)).items():
            setting(name, getattr(self, name), check, self.kind)

    @property
    @abstractmethod
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""

    def sample(self, generator: np.random.Generator) -> Mapping[str, ArrayLike]:
        """Make one sample.

        Parameters
        ----------
        generator : numpy.random.Generator
            Seeded for this sample: the only source of randomness.

        Returns
        -------
        mapping of str to array_like
            Every field.

        Raises
        ------
        PhysicsError
            Where the solver refuses what was drawn: the next draw replaces it.
        """
        raise UsageError(f"{type(self).__name__} overrides neither sample() nor make()")

    def make(self, indices: range) -> dict[str, np.ndarray]:
        """Make samples: by default each by :meth:`sample`.

        Parameters
        ----------
        indices : range
            Numbers of the samples.

        Returns
        -------
        dict of str to ndarray
            Every field, with the samples along the first axis, and ``refused``.

        Raises
        ------
        PhysicsError
            If 100 draws of one sample in a row were refused.
        """
        made = [self._accepted(sample_generator(self.seed, index)) for index in indices]
        names = (*self.fields, REFUSED)
        return {name: np.stack([np.asarray(each[name]) for each in made]) for name in names}

    def _accepted(self, generator: np.random.Generator) -> dict[str, ArrayLike]:
        """Return the first draw that the solver accepts, and how many it refused before."""
        for n_refused in range(MOST_DRAWS):
            try:
                return {**self.sample(generator), REFUSED: n_refused}
            except PhysicsError as error:
                reason = error
        raise PhysicsError(
            f"{MOST_DRAWS} draws in a row were refused, the last one because: {reason}. Choose "
            "settings that the solver can handle, such as a gentler family or a smaller box"
        ) from reason

    @property
    def conditions(self) -> tuple[str, ...]:
        """The fields, besides that of :attr:`identity`, that the others follow from."""
        return ()

    @property
    def stored_fields(self) -> dict[str, Field]:
        """The fields of a store: those of a sample, and ``refused`` where draws may be."""
        redraws = type(self).make is Recipe.make
        return {**self.fields, **({REFUSED: REFUSED_FIELD} if redraws else {})}

    @property
    def n_checked(self) -> int:
        """How many samples of a data set :meth:`label_errors` is asked for: the first ones."""
        return 0

    def label_errors(self, samples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Estimate how far the labels of some samples are from the exact ones.

        Parameters
        ----------
        samples : mapping of str to ndarray
            All fields as they are stored, samples along the first axis.

        Returns
        -------
        dict of str to ndarray, shape (n_samples,)
            Errors by quantity, such as ``"energy"``; empty where they are not known.
        """
        return {}

    def error_unit(self, name: str) -> str:
        """Return the unit of the errors of a quantity, in symbols or words.

        Parameters
        ----------
        name : str
            One of those that :meth:`label_errors` returns.

        Returns
        -------
        str
            By default that of the field of this name.
        """
        return self.fields[name].unit if name in self.fields else ""

    def settings(self) -> dict[str, Any]:
        """Return the settings as plain JSON: the keywords that build this recipe again."""
        return dataclasses.asdict(self)

    @property
    def origins(self) -> dict[str, str]:
        """Registered components that samples are made with -> distribution and version of each."""
        return {}

    @property
    def shard_samples(self) -> int:
        """How many samples one shard holds: a multiple of :attr:`batch`."""
        return shard_size(self.fields, self.batch)

    def configuration(self) -> dict[str, Any]:
        """Return all that decides what sample i is, as plain JSON."""
        return {"kind": self.kind, "recipe_version": self.version, **self.settings()}


def recipe_class(name: str) -> type[Recipe]:
    """Return the recipe by which a registered data set is generated.

    Parameters
    ----------
    name : str
        Of the data set, such as ``"quantum-dots"``, or that of a plug-in.

    Returns
    -------
    type
        A subclass of :class:`Recipe`.

    Raises
    ------
    UnknownNameError
        If there is no such data set.
    UsageError
        If it is not generated, as files are not.
    PluginError
        If its ``recipe`` is not a recipe of that name.

    Examples
    --------
    >>> recipe_class("wells-1d")(seed=1).kind
    'wells-1d'
    """
    recipe = getattr(components("datasets").get(name), "recipe", None)
    if recipe is None:
        raise UsageError(f"the data set {name!r} is not generated: it has no recipe")
    if not (isinstance(recipe, type) and issubclass(recipe, Recipe) and recipe.kind == name):
        raise PluginError(
            f"the recipe of the data set {name!r} of {components('datasets').origin(name)} is "
            f"{recipe!r}; expected a subclass of keras_qd.data.Recipe with kind = {name!r}"
        )
    return recipe


def setting_types(recipe: type[Recipe]) -> dict[str, tuple[Any, bool]]:
    """Return the type of each setting of a recipe, and whether it may be None."""
    hints, found = get_type_hints(recipe), {}
    for each in dataclasses.fields(recipe):
        hint = hints[each.name]
        kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
        plain = [kind for kind in kinds if kind is not NoneType]
        found[each.name] = (plain[0] if len(plain) == 1 else hint, NoneType in kinds)
    return found


def setting_checks(recipe: type[Recipe]) -> dict[str, Any]:
    """Return a check for each setting of a recipe, by its type and ``metadata["range"]``."""
    checks: dict[Any, Any] = {
        int: whole,
        float: real,
        str: lambda: text,
        bool: lambda: truth,
        Mapping: lambda: table(anything),
    }
    types, found = setting_types(recipe), {}
    for each in dataclasses.fields(recipe):
        kind, may_be_none = types[each.name]
        check = checks.get(get_origin(kind) or kind, lambda: anything)(
            *each.metadata.get("range", ())
        )
        found[each.name] = optional(check) if may_be_none else check
    return found


def stored_recipe(configuration: Mapping[str, Any]) -> Recipe | None:
    """Return the recipe that makes the samples of a stored configuration; None if nothing does."""
    try:
        kind = recipe_class(str(configuration.get("kind")))
    except (UsageError, PluginError):  # imported, or of a plug-in that is not installed
        return None
    return kind(
        **{name: configuration[name] for name in settings_of(kind) if name in configuration}
    )


def settings_of(recipe: type[Recipe]) -> list[str]:
    """Return the names of the settings of a recipe."""
    return [each.name for each in dataclasses.fields(recipe)]


def box_length(metadata: Mapping[str, Any]) -> float | None:
    """Return the side of the box or line in a0* from the metadata of a data set, if known."""
    configuration = metadata.get("configuration")
    if not isinstance(configuration, Mapping):
        return None
    # The first name is that of boxes in two dimensions, the second that of lines.
    value = configuration.get("box_length", configuration.get("length"))
    return float(value) if isinstance(value, (int, float)) else None
