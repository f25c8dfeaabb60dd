"""A family drawn at random for each sample."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UsageError
from keras_qd.physics.box import Box
from keras_qd.physics.potentials.base import (
    FAMILIES,
    Drawn,
    Parameter,
    PotentialFamily,
    build_family,
)

#: What a mixture draws from by default: the same whatever plug-ins there are.
DEFAULT_COMPONENTS = ("random-fourier", "gaussian-wells", "parabolic", "double-dot", "gate-array")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RandomMixture(PotentialFamily):
    """Each sample comes from one of several families, drawn with equal chances.

    Parameters
    ----------
    components : sequence of str, dict or PotentialFamily
        The families to draw from: names, ``{"family": name, **settings}``, or built ones; by
        default all others of this package with their default settings.

    Examples
    --------
    >>> from keras_qd.physics import Box, sample_generator
    >>> family = RandomMixture(components=["parabolic", "double-dot"])
    >>> values, drawn = family.sample(sample_generator(seed=0, index=0), Box(10.0), 32)
    >>> family.families[int(drawn["component"])].name
    'double-dot'
    """

    name: ClassVar[str] = "random-mixture"

    components: Sequence[str | dict[str, object] | PotentialFamily] = DEFAULT_COMPONENTS

    def __post_init__(self) -> None:
        if isinstance(self.components, str) or not self.components:
            raise UsageError(
                f"{self.name}: components={self.components!r} must be a list of families"
            )
        built = tuple(_build_component(component) for component in self.components)
        names = [component.name for component in built]
        if len(set(names)) < len(names):
            raise UsageError(
                f"{self.name}: components name a family twice ({', '.join(names)}); each family"
                " can be in a mixture once"
            )
        if any(isinstance(component, RandomMixture) for component in built):
            raise UsageError(f"{self.name}: a mixture cannot be one of its components")
        object.__setattr__(self, "components", built)

    @classmethod
    def convert_energies(
        cls, settings: Mapping[str, object], convert: Callable[[float], float]
    ) -> dict[str, object]:
        """Return settings with the energies of every component in another unit."""
        components = settings.get("components")
        if not isinstance(components, list | tuple):
            return dict(settings)
        return {**settings, "components": [_converted_component(c, convert) for c in components]}

    @property
    def families(self) -> tuple[PotentialFamily, ...]:
        """The families that samples are drawn from."""
        return cast(tuple[PotentialFamily, ...], self.components)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Number of the component, then FAMILY.PARAMETER of all of them (nan: another's)."""
        return (
            self._component,
            *(
                dataclasses.replace(parameter, name=f"{part.name}.{parameter.name}")
                for part in self.families
                for parameter in part.parameters
            ),
        )

    @property
    def device_parameters(self) -> tuple[Parameter, ...]:
        """Raise `UsageError`: a device is of one family."""
        raise UsageError("a device is of one family: name one of those in the mixture")

    def draw(self, generator: np.random.Generator) -> Drawn:
        """Draw the parameters of one sample; see `PotentialFamily.draw`."""
        component = self._component.draw(generator)
        family = self.families[int(component)]
        drawn: Drawn = dict.fromkeys(self.parameter_names, math.nan)
        drawn["component"] = component
        own = family.draw(generator)
        return drawn | {f"{family.name}.{name}": value for name, value in own.items()}

    def values(self, drawn: Mapping[str, Any], box: Box, n_pixels: int) -> NDArray[np.float64]:
        """Return the potential of given parameters; see `PotentialFamily.values`."""
        family = self.families[int(drawn["component"])]
        prefix = f"{family.name}."
        own = {n.removeprefix(prefix): v for n, v in drawn.items() if n.startswith(prefix)}
        return family.values(own, box, n_pixels)

    @property
    def _component(self) -> Parameter:
        return Parameter("component", (0, len(self.families) - 1), is_count=True)

    def configuration(self) -> dict[str, object]:
        """Return name and settings of every component."""
        return {"components": [{"family": c.name, **c.configuration()} for c in self.families]}


def _converted_component(component: object, convert: Callable[[float], float]) -> object:
    if not isinstance(component, dict):
        return component
    family = FAMILIES.get(component.get("family", ""))
    return component if family is None else family.convert_energies(component, convert)


def _build_component(component: str | dict[str, object] | PotentialFamily) -> PotentialFamily:
    if isinstance(component, PotentialFamily):
        return component
    if isinstance(component, str):
        return build_family(FAMILIES, component, {})
    if not isinstance(component, dict) or "family" not in component:
        raise UsageError(
            f"random-mixture: {component!r} is not a family; give a name,"
            ' {"family": name, ...} or what potential_family returns'
        )
    settings = dict(component)
    return build_family(FAMILIES, str(settings.pop("family")), settings)
