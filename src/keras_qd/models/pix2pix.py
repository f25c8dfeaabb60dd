"""Pix2pix: a U-Net trained against a PatchGAN and towards the target, on any Keras backend."""

from __future__ import annotations

import keras

from keras_qd.models.adversarial import Pix2Pix
from keras_qd.models.optimizers import PairedOptimizer, build_optimizer
from keras_qd.models.patchgan import PatchGAN
from keras_qd.models.unet import Shape, UNet


def pix2pix(
    input_shape: Shape = (64, 64, 1),
    output_shape: Shape | None = None,
    *,
    filters: int = 64,
    depth: int | None = None,
    dropout: float = 0.5,
    normalization: str = "batch",
    upsampling: str = "transpose",
    output_activation: str = "linear",
    discriminator_filters: int | None = None,
    discriminator_levels: int = 3,
    lambda_l1: float = 100.0,
    generator_every: int = 1,
    discriminator_every: int = 1,
    clip_norm: float | None = None,
    average_decay: float | None = None,
    optimizer: str = "adam",
    learning_rate: float = 2e-4,
    discriminator_learning_rate: float | None = None,
    beta_1: float = 0.5,
    weight_decay: float | None = None,
    seed: int | None = None,
    dtype: str | None = None,
) -> Pix2Pix:
    """Build pix2pix, compiled and ready for ``fit``.

    Parameters
    ----------
    input_shape, output_shape : tuple of int
        (ny, nx, channels), without the sample axis; the output is as the input if not given. Any
        grid of 8 pixels a side or more.
    filters, depth, dropout, normalization, upsampling, output_activation : optional
        Of the generator, see :class:`~keras_qd.models.unet.UNet`. The discriminator is normalised
        alike.
    discriminator_filters : int, optional
        As many as the generator's if not given.
    discriminator_levels : int
        How often the discriminator halves, see :class:`~keras_qd.models.patchgan.PatchGAN`.
    lambda_l1, generator_every, discriminator_every, clip_norm, average_decay : optional
        See :class:`Pix2Pix`.
    optimizer : str
        Of the generator: ``"adam"``, or ``"muon"``, see
        :class:`~keras_qd.models.muon.ConvolutionMuon`. The discriminator's is Adam.
    learning_rate : float
        Of both networks.
    discriminator_learning_rate : float, optional
        The discriminator's, where it is another one.
    beta_1 : float
        Of Adam, for both networks.
    weight_decay : float, optional
        Of the generator alone, see :func:`~keras_qd.models.unet.unet`.
    seed : int, optional
        Of the first weights and of the dropout masks.
    dtype : str, optional
        Name of a dtype policy such as ``"mixed_bfloat16"``; the global one if not given. With
        ``"mixed_float16"`` the losses of both networks are scaled, each on its own.

    Returns
    -------
    Pix2Pix
        ``fit``, ``evaluate``, ``predict`` and ``save`` work as on any Keras model.

    Raises
    ------
    UsageError
        If the shapes or the depth do not fit, or a setting makes no sense.

    Examples
    --------
    >>> model = pix2pix((32, 32, 1), filters=4)
    >>> model.generator.output_shape
    (None, 32, 32, 1)
    """
    generator = UNet(
        input_shape,
        output_shape,
        filters=filters,
        depth=depth,
        dropout=dropout,
        normalization=normalization,
        upsampling=upsampling,
        output_activation=output_activation,
        seed=seed,
        dtype=dtype,
        name="generator",
    )
    discriminator = PatchGAN(
        input_shape,
        (*input_shape[:2], generator.output_shape[-1]),
        filters=discriminator_filters or filters,
        levels=discriminator_levels,
        normalization=normalization,
        seed=seed,
        dtype=dtype,
        name="discriminator",
    )
    model = Pix2Pix(
        generator,
        discriminator,
        lambda_l1,
        generator_every,
        discriminator_every,
        clip_norm,
        average_decay,
        name="pix2pix",
    )
    generators = build_optimizer(optimizer, learning_rate, beta_1, weight_decay)
    rate = discriminator_learning_rate or learning_rate
    model.compile(PairedOptimizer(generators, keras.optimizers.Adam(rate, beta_1)))
    return model
