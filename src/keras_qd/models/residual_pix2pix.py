"""Pix2pix whose generator is a residual U-Net on blocks of pixels."""

from __future__ import annotations

import keras

from keras_qd.models.adversarial import Pix2Pix
from keras_qd.models.muon import ConvolutionMuon
from keras_qd.models.optimizers import PairedOptimizer
from keras_qd.models.patchgan import PatchGAN
from keras_qd.models.residual_unet import ResidualUNet
from keras_qd.models.unet import Shape

#: As in the paper: the discriminator follows a generator that moves.
_BETA = 0.5


def residual_pix2pix(
    input_shape: Shape = (64, 64, 1),
    output_shape: Shape | None = None,
    *,
    filters: int = 24,
    levels: int = 3,
    blocks: int = 2,
    discriminator_filters: int = 8,
    discriminator_levels: int = 3,
    normalization: str = "instance",
    lambda_l1: float = 1000.0,
    average_decay: float | None = 0.999,
    learning_rate: float = 3e-3,
    discriminator_learning_rate: float = 2e-4,
    seed: int | None = None,
) -> Pix2Pix:
    """Build pix2pix with another generator, compiled and ready for ``fit``.

    Parameters
    ----------
    input_shape, output_shape : tuple of int
        (ny, nx, channels), without the sample axis; the output is as the input if not given.
    filters, levels, blocks : int
        Of the generator, see :class:`~keras_qd.models.residual_unet.ResidualUNet`.
    discriminator_filters, discriminator_levels : int
        See :class:`~keras_qd.models.patchgan.PatchGAN`.
    normalization : str
        Of the discriminator; nothing in the generator is normalised.
    lambda_l1 : float
        Weight of the L1 loss, see :class:`~keras_qd.models.adversarial.Pix2Pix`.
    average_decay : float, optional
        Of the average of the generator's weights, see there.
    learning_rate : float
        Of the generator's :class:`~keras_qd.models.muon.ConvolutionMuon`.
    discriminator_learning_rate : float
        Of the discriminator's Adam.
    seed : int, optional
        Of the discriminator's first weights.

    Returns
    -------
    Pix2Pix
        ``fit``, ``evaluate``, ``predict`` and ``save`` work as on any Keras model.

    Raises
    ------
    UsageError
        If the shapes do not fit, or a setting makes no sense.

    Examples
    --------
    >>> residual_pix2pix((32, 32, 1), filters=4, levels=2).generator.output_shape
    (None, 32, 32, 1)
    """
    generator = ResidualUNet(input_shape, output_shape, filters, levels, blocks, name="generator")
    discriminator = PatchGAN(
        input_shape,
        generator.output_shape[1:],
        filters=discriminator_filters,
        levels=discriminator_levels,
        normalization=normalization,
        seed=seed,
        name="discriminator",
    )
    model = Pix2Pix(
        generator,
        discriminator,
        lambda_l1,
        average_decay=average_decay,
        name="residual-pix2pix",
    )
    generator_optimizer = ConvolutionMuon(learning_rate)
    discriminator_optimizer = keras.optimizers.Adam(discriminator_learning_rate, _BETA)
    model.compile(PairedOptimizer(generator_optimizer, discriminator_optimizer))
    return model
