"""A residual U-Net that refines an approximate density of two electrons."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Conv2D

from keras_qd.errors import UsageError
from keras_qd.models.base import LEARNING_RATE, Network, searches
from keras_qd.models.layers.ends import Shape
from keras_qd.models.layers.two_electrons import STATES, TwoElectrons
from keras_qd.models.residual_unet import require_halves, residual_levels

#: Electrons, whatever the potential.
_CHARGE = 2.0

#: Part of the mean density that is added before the logarithm is taken of what is refined: so much
#: charge, in units of all, is spread over the box until the network takes it away.
_LEAST = 1e-4

#: The same where the network only looks: below, it sees no difference.
_LEAST_SEEN = 5e-3

#: Energies in Ha* below which the network sees no difference.
_LEAST_ENERGY = 1e-4


@searches({"learning_rate": LEARNING_RATE, "filters": [8, 16, 32], "blocks": {"low": 1, "high": 3}})
@keras.saving.register_keras_serializable(package="keras_qd")
class TwoElectronUNet(Network):
    r"""Potential to density of two electrons: nearly by physics, a network for the rest.

    :class:`~keras_qd.models.layers.two_electrons.TwoElectrons` solves for two electrons nearly, in
    part by perturbation theory; a residual U-Net sees the potential and what was found, and gives a
    correction f [1]_:

    .. math::

        n(r) = \frac{N}{h^2} \, \mathrm{softmax}_r \left[ \ln (n_0(r) + \epsilon) + f(r) \right],
        \qquad N = 2

    No density is negative, and there are two electrons, whatever the network says. Adding a
    constant to the potential changes nothing.

    Parameters
    ----------
    input_shape : tuple of int
        (points, points, 1), without the sample axis: a potential in Ha*, not scaled.
    output_shape : tuple of int, optional
        As the input: a density in 1/a0*^2, not scaled.
    lowest, orbitals, n_max : int
        Of the solution that is refined: the orbitals whose pairs are taken exactly, all orbitals
        (as many as the data were made with), and the half waves that they are made of.
    box_length : float
        Side of the box, in a0*.
    interaction : str
        Name of the interaction.
    strength : float
        Factor on the interaction.
    filters, levels, blocks : int
        Of the network, see :class:`~keras_qd.models.residual_unet.ResidualUNet`.
    learning_rate : float
        Of Adam.
    name : str
        Name of the network.

    Raises
    ------
    UsageError
        If the shapes do not fit, or the basis has too few functions.

    References
    ----------
    .. [1] To learn the difference from a cheaper theory: Ramakrishnan, Dral, Rupp, von Lilienfeld,
       2015, arXiv:1503.04987

    Examples
    --------
    >>> model = TwoElectronUNet((16, 16, 1), None, 3, 6, n_max=4, filters=4, levels=2)
    >>> density = model.predict(np.zeros((1, 16, 16, 1)), verbose=0)
    >>> round(float(density.sum()) * (10 / 16) ** 2, 4)
    2.0
    """

    def __init__(
        self,
        input_shape: Shape = (64, 64, 1),
        output_shape: Shape | None = None,
        lowest: int = 12,
        orbitals: int = 20,
        n_max: int = 12,
        box_length: float = 10.0,
        interaction: str = "coulomb",
        strength: float = 1.0,
        filters: int = 16,
        levels: int = 3,
        blocks: int = 2,
        learning_rate: float = 1e-3,
        name: str = "two-electron-unet",
    ) -> None:
        shapes = tuple(input_shape), tuple(output_shape or input_shape)
        if any(len(shape) != 3 or shape[2] != 1 for shape in shapes) or shapes[0] != shapes[1]:
            raise UsageError(
                f"got the shapes {tuple(input_shape)} and {output_shape}; this network maps one "
                "potential, (points, points, 1), to one density"
            )
        require_halves(input_shape, levels)
        potential = keras.Input(tuple(input_shape))
        physics = (lowest, orbitals, n_max, box_length, interaction, strength)
        densities, energies = TwoElectrons(*physics, name="solver")(potential)
        mean = _CHARGE / box_length**2
        features = _seen(potential, densities / mean, energies)
        features, _ = residual_levels(features, filters, levels, blocks)
        correction = Conv2D(1, 3, padding="same", kernel_initializer="zeros")(features)
        logits = ops.log(densities[..., :1] / mean + _LEAST) + correction
        outputs = mean * _shares(logits)
        super().__init__(potential, outputs, loss=misplaced_charge)


@keras.saving.register_keras_serializable(package="keras_qd")
def misplaced_charge(y_true: Any, y_pred: Any) -> Any:
    """Return the error of densities over the charge, of the order of one, shape (n,)."""
    error = ops.mean(ops.abs(y_true - y_pred), axis=(1, 2, 3))
    return error / ops.mean(ops.abs(y_true), axis=(1, 2, 3))


def _seen(potential: Any, densities: Any, energies: Any) -> Any:
    """Return what the network sees: potential, walls, amplitudes and, everywhere, energies."""
    nothing = ops.zeros_like(potential)
    points = potential.shape[1]
    side = np.sin(np.pi * (np.arange(points) + 0.5) / points)
    walls = np.outer(side, side)[None, :, :, None].astype("float32")
    found, poorer = densities[..., :1], densities[..., STATES : STATES + 1]
    gained = ops.log(found + _LEAST_SEEN) - ops.log(poorer + _LEAST_SEEN)
    gaps = ops.log(ops.abs(energies) + _LEAST_ENERGY) / 3.0 + 1.0
    return ops.concatenate(
        [
            potential - ops.mean(potential, axis=(1, 2), keepdims=True),
            nothing + walls,
            ops.sqrt(densities) / 4.0,
            3.0 * gained,
            nothing + gaps[:, None, None, :],
        ],
        axis=-1,
    )


def _shares(logits: Any) -> Any:
    """Return images of a mean of one, from the logarithms of their pixels up to a constant."""
    points = logits.shape[1] * logits.shape[2]
    shares = ops.softmax(ops.reshape(logits, (-1, points)), axis=-1)
    return points * ops.reshape(shares, (-1, *logits.shape[1:]))
