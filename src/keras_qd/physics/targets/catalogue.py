"""The drawn densities by name."""

from __future__ import annotations

import dataclasses

from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.physics.targets.cross import Cross
from keras_qd.physics.targets.letters import Letters
from keras_qd.physics.targets.ring import Ring
from keras_qd.physics.targets.target import DensityTarget
from keras_qd.physics.targets.two_lobes import TwoLobes

TARGETS: dict[str, type[DensityTarget]] = {
    target.name: target for target in (TwoLobes, Ring, Cross, Letters)
}


def density_targets() -> tuple[str, ...]:
    """Return the names of the densities that can be drawn.

    Returns
    -------
    tuple of str
        Sorted.

    Examples
    --------
    >>> density_targets()
    ('cross', 'letters', 'ring', 'two-lobes')
    """
    return tuple(sorted(TARGETS))


def density_target(name: str, **parameters: object) -> DensityTarget:
    """Build a density that is drawn from a simple shape.

    Parameters
    ----------
    name : str
        One of `density_targets`.
    **parameters
        What is drawn how; each shape's class documents its own.

    Returns
    -------
    DensityTarget
        Its ``density(box, n_pixels, n_electrons)`` draws it.

    Raises
    ------
    UnknownNameError
        There is no such shape, or no such letter.
    UsageError
        A parameter that the shape does not have, or a value it cannot use.

    Examples
    --------
    >>> from keras_qd import physics
    >>> box = physics.Box(10.0)
    >>> density = density_target("two-lobes", share=0.4, width=0.1).density(box, 64, n_electrons=2)
    >>> left = density[:, :32].sum() * box.pixel_area(64)
    >>> round(float(left), 2), round(float(density.sum() * box.pixel_area(64)), 9)
    (0.8, 2.0)
    """
    if name not in TARGETS:
        raise UnknownNameError("density", name, TARGETS)
    known = [field.name for field in dataclasses.fields(TARGETS[name])]
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise UsageError(
            f"{name} has no parameter {', '.join(map(repr, unknown))}; it has {', '.join(known)}"
        )
    return TARGETS[name](**parameters)  # type: ignore[arg-type]  # each checks its own
