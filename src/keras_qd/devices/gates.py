"""Shapes of gates: the potential in the plane of the electrons for one volt on one gate."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from keras_qd.errors import UnknownNameError, UsageError

Array = NDArray[np.float64]


class Gate(Protocol):
    """What a device needs of a gate: a name, and its share of the potential."""

    name: str

    def share(self, x: Array, y: Array) -> Array:
        """Electrostatic potential at points (in nm) over the voltage of the gate."""
        ...


@dataclass(frozen=True)
class RectangularGate:
    r"""Rectangle on a surface with pinned potential, above the plane of the electrons [1]_.

    .. math:: \frac{1}{2\pi} \sum_\text{corners} \pm \arctan \frac{s t}{d \sqrt{s^2 + t^2 + d^2}}

    Parameters
    ----------
    name : str
        Name of the gate.
    x, y : float
        Centre in nm, from the corner of the box.
    width, height : float
        Sides along x and y in nm.
    depth : float
        Distance d of the electrons from the gate in nm.

    Raises
    ------
    UsageError
        If a number is not finite, or a length not positive.

    References
    ----------
    .. [1] J. H. Davies, I. A. Larkin and E. V. Sukhorukov, "Modeling the patterned
       two-dimensional electron gas: Electrostatics", J. Appl. Phys. 77, 4504 (1995),
       https://doi.org/10.1063/1.359446

    Examples
    --------
    >>> gate = RectangularGate("left", x=50, y=50, width=1e6, height=1e6, depth=10)
    >>> round(float(gate.share(np.array(50.0), np.array(50.0))), 3)
    1.0
    """

    name: str
    x: float
    y: float
    width: float
    height: float
    depth: float

    def __post_init__(self) -> None:
        _check(self, positive=("width", "height", "depth"))

    def share(self, x: Array, y: Array) -> Array:
        """Potential at points (in nm) per voltage of the gate; see `Device`."""
        total = np.zeros(np.broadcast(x, y).shape)
        for sign_x in (1, -1):
            for sign_y in (1, -1):
                s = sign_x * (x - self.x) + self.width / 2
                t = sign_y * (y - self.y) + self.height / 2
                total += np.arctan2(s * t, self.depth * np.sqrt(s**2 + t**2 + self.depth**2))
        return total / (2 * math.pi)


@dataclass(frozen=True)
class GaussianGate:
    """Gate with a round gaussian potential: a plunger or a barrier in a model.

    Parameters
    ----------
    name : str
        Name of the gate.
    x, y : float
        Centre in nm, from the corner of the box.
    width : float
        Standard deviation in nm.
    height : float, optional
        Standard deviation along y in nm, where it is another one.
    lever : float, default 1
        Share of the voltage at the centre.

    Raises
    ------
    UsageError
        If a number is not finite, or a length not positive.

    Examples
    --------
    >>> gate = GaussianGate("plunger", x=50, y=50, width=20, lever=0.1)
    >>> float(gate.share(np.array(50.0), np.array(50.0)))
    0.1
    """

    name: str
    x: float
    y: float
    width: float
    height: float | None = None
    lever: float = 1.0

    def __post_init__(self) -> None:
        _check(self, positive=("width", "height"))

    def share(self, x: Array, y: Array) -> Array:
        """Potential at points (in nm) per voltage of the gate; see `Device`."""
        height = self.width if self.height is None else self.height
        square = ((x - self.x) / self.width) ** 2 + ((y - self.y) / height) ** 2
        return np.asarray(self.lever * np.exp(-0.5 * square))


@dataclass(frozen=True, eq=False)
class ArrayGate:
    """Gate whose potential was computed elsewhere.

    Parameters
    ----------
    name : str
        Name of the gate.
    values : ndarray, shape (n_pixels, n_pixels)
        Electrostatic potential at the pixel centres of the device, y first, over the voltage.

    Raises
    ------
    UsageError
        If the values are not a square finite array.

    Examples
    --------
    >>> ArrayGate("top", np.full((16, 16), 0.3)).share(np.zeros((16, 16)), np.zeros((16, 16))).max()
    np.float64(0.3)
    """

    name: str
    values: Array

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        if values.dtype.kind not in "buif":
            raise UsageError(f"gate {self.name!r}: values must be real numbers, not {values.dtype}")
        values = values.astype(np.float64)
        if values.ndim != 2 or values.shape[0] != values.shape[1] or not np.isfinite(values).all():
            raise UsageError(
                f"gate {self.name!r}: values must be a square array of finite numbers, got shape "
                f"{values.shape}"
            )
        object.__setattr__(self, "values", values)

    def share(self, x: Array, y: Array) -> Array:
        """Potential at the pixel centres per voltage of the gate; see `Device`."""
        shape = np.broadcast(x, y).shape
        if shape != self.values.shape:
            raise UsageError(
                f"gate {self.name!r} has values at {self.values.shape} pixels, and the device "
                f"has {shape}: give both the same number of pixels"
            )
        return self.values


#: Shapes by the name that a file of a device gives them.
SHAPES: dict[str, type] = {
    "rectangle": RectangularGate,
    "gaussian": GaussianGate,
    "array": ArrayGate,
}


def gate_from(settings: dict[str, Any]) -> Gate:
    """Return the gate that a table of settings describes; `shape` says of which kind."""
    settings = dict(settings)
    shape = settings.pop("shape", "rectangle")
    if shape not in SHAPES:
        raise UnknownNameError("shape of a gate", str(shape), SHAPES)
    known = {each.name for each in fields(SHAPES[shape])}
    for name in settings:
        if name not in known:
            raise UnknownNameError(f"setting of a {shape} gate", name, known)
    try:
        gate: Gate = SHAPES[shape](**settings)
    except TypeError as error:
        raise UsageError(f"gate {settings.get('name', '?')!r}: {error}") from error
    return gate


def _check(gate: Any, positive: tuple[str, ...]) -> None:
    """Raise `UsageError` unless all numbers of a gate are finite and its lengths positive."""
    if not (isinstance(gate.name, str) and gate.name.isprintable() and gate.name):
        raise UsageError(f"a gate needs a name of printable characters, got {gate.name!r}")
    for each in fields(gate)[1:]:
        value = getattr(gate, each.name)
        if value is None and each.default is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
            raise UsageError(f"gate {gate.name!r}: {each.name}={value!r} must be a number")
        if not math.isfinite(value) or (each.name in positive and value <= 0):
            wanted = "a positive number" if each.name in positive else "finite"
            raise UsageError(f"gate {gate.name!r}: {each.name}={value!r} must be {wanted}")
