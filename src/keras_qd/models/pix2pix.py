"""Pix2pix: a U-Net trained against a PatchGAN and towards the target, on any Keras backend."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import keras
from keras import ops

from keras_qd.errors import DataError
from keras_qd.models.patchgan import PatchGAN
from keras_qd.models.portable import portable_config
from keras_qd.models.unet import Shape, UNet


@keras.saving.register_keras_serializable(package="keras_qd")
class Pix2Pix(keras.Model):
    r"""A generator that maps images to images, and the discriminator it is trained against [1]_.

    Both are updated in one step from one forward pass: the generator with the gradient of

    .. math:: \mathrm{BCE}(D(x, G(x)), 1) + \lambda \, \mathrm{mean} |y - G(x)|

    and the discriminator with that of

    .. math:: [\mathrm{BCE}(D(x, y), 1) + \mathrm{BCE}(D(x, G(x)), 0)] / 2 .

    One optimizer serves both networks. Adam works element by element, so it does what two with the
    same settings would; ``keras.optimizers.MultiOptimizer`` gives each network its own. The logs
    carry ``generator_loss`` (also as ``loss``), ``adversarial_loss``, ``l1_loss`` and
    ``discriminator_loss``.

    Parameters
    ----------
    generator : keras.Model
        Maps inputs x to predictions of the targets y.
    discriminator : keras.Model
        Maps pairs [x, y] to logits: positive where the pair looks real.
    lambda_l1 : float
        Weight of the L1 loss against the adversarial loss.
    **options
        Options of :class:`keras.Model`.

    References
    ----------
    .. [1] Isola, Zhu, Zhou, Efros, 2017, arXiv:1611.07004
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        lambda_l1: float = 100.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.generator = generator
        self.discriminator = discriminator
        self.lambda_l1 = lambda_l1
        self._means = {
            name: keras.metrics.Mean(name=name)
            for name in ("generator_loss", "adversarial_loss", "l1_loss", "discriminator_loss")
        }
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the generator's prediction, shape (n, ny, nx, channels)."""
        return self.generator(inputs, training=training)

    def compile(self, optimizer: Any = "adam", loss: Any = "mae", **options: Any) -> None:
        """Configure the training as :meth:`keras.Model.compile` does; the loss is L1 unless told.

        Parameters
        ----------
        optimizer : str or keras.optimizers.Optimizer
            Of both networks.
        loss : str or keras.losses.Loss
            What ``lambda_l1`` weighs.
        **options
            As of Keras, ``metrics`` among them.
        """
        super().compile(optimizer, loss=loss, **options)
        # Saved before any training, the optimizer would otherwise lack what the loaded one expects.
        self.optimizer.build(self.trainable_variables)

    def train_step(self, *arguments: Any) -> Any:
        """Update both networks from one batch, the way that the running backend differentiates."""
        step = import_module(f"keras_qd.models.steps.{keras.config.backend()}")
        return step.train_step(self, *arguments)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the generator's loss, which :meth:`evaluate` reports as ``loss``."""
        return self.compute_losses(x, y, y_pred, sample_weight, training)[0]

    def compute_losses(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True
    ) -> tuple[Any, Any]:
        """Return the losses of the generator and of the discriminator, and record all four.

        Parameters
        ----------
        x, y, y_pred : tensor, shape (n, ny, nx, channels)
            Inputs, targets and the generator's predictions.
        sample_weight : tensor, shape (n,), optional
            Weights of the samples in the L1 loss.
        training : bool
            Whether the discriminator normalises by the batch.

        Returns
        -------
        tuple of scalar tensors

        Raises
        ------
        DataError
            If there are no targets, or of another shape than the predictions.
        """
        if y is None or tuple(y.shape[1:]) != tuple(y_pred.shape[1:]):
            given = "none" if y is None else f"targets of shape {tuple(y.shape[1:])}"
            raise DataError(
                f"pix2pix needs targets of shape {tuple(y_pred.shape[1:])} a sample; got {given}"
            )
        if sample_weight is not None:
            # Keras does not spread one weight a sample over the pixels of an image.
            sample_weight = ops.reshape(sample_weight, (-1, 1, 1))
        x, y = ops.convert_to_tensor(x), ops.convert_to_tensor(y)  # arrays, where nothing compiles
        l1 = super().compute_loss(x, y, y_pred, sample_weight, training)
        real = self.discriminator([x, y], training=training)
        fake = self.discriminator([x, y_pred], training=training)
        adversarial = _cross_entropy(fake, real=True)
        generator = adversarial + self.lambda_l1 * l1
        discriminator = 0.5 * (_cross_entropy(real, real=True) + _cross_entropy(fake, real=False))
        values = (generator, adversarial, l1, discriminator)
        for mean, value in zip(self._means.values(), values, strict=True):
            mean.update_state(ops.stop_gradient(value), sample_weight=ops.shape(x)[0])
        return generator, discriminator

    def report(self, loss: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> dict[str, Any]:
        """Record the generator's loss as ``loss``, update the compiled metrics, return all logs."""
        self._loss_tracker.update_state(loss, sample_weight=ops.shape(x)[0])
        return dict(self.compute_metrics(x, y, y_pred, sample_weight))

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same model again, but for the weights."""
        return {
            **super().get_config(),
            "generator": keras.saving.serialize_keras_object(self.generator),
            "discriminator": keras.saving.serialize_keras_object(self.discriminator),
            "lambda_l1": self.lambda_l1,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Pix2Pix:
        """Make a model from what :meth:`get_config` returned."""
        networks = {
            name: keras.saving.deserialize_keras_object(config[name], custom_objects)
            for name in ("generator", "discriminator")
        }
        return cls(**{**config, **networks})

    def get_compile_config(self) -> dict[str, Any]:
        """Return how the model was compiled, in a form that every backend can load."""
        return dict(portable_config(super().get_compile_config()))

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile the model as :meth:`get_compile_config` says."""
        self.compile(**keras.saving.deserialize_keras_object(config))


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
    learning_rate: float = 2e-4,
    beta_1: float = 0.5,
    seed: int | None = None,
    dtype: str | None = None,
) -> Pix2Pix:
    """Build pix2pix, compiled and ready for ``fit``.

    Parameters
    ----------
    input_shape, output_shape : tuple of int
        (ny, nx, channels), without the sample axis; the output is as the input if not given. Any
        grid of 8 pixels a side or more.
    filters, depth, dropout, normalization, upsampling, output_activation
        Of the generator, see :class:`~keras_qd.models.unet.UNet`. The discriminator is normalised
        alike.
    discriminator_filters : int, optional
        As many as the generator's if not given.
    discriminator_levels : int
        How often the discriminator halves, see :class:`~keras_qd.models.patchgan.PatchGAN`.
    lambda_l1 : float
        Weight of the L1 loss against the adversarial loss.
    learning_rate, beta_1 : float
        Of Adam, for both networks.
    seed : int, optional
        Of the first weights and of the dropout masks.
    dtype : str, optional
        Name of a dtype policy such as ``"mixed_bfloat16"``; the global one if not given.

    Returns
    -------
    Pix2Pix
        ``fit``, ``evaluate``, ``predict`` and ``save`` work as on any Keras model.

    Raises
    ------
    UsageError
        If the shapes or the depth do not fit.

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
    model = Pix2Pix(generator, discriminator, lambda_l1, name="pix2pix")
    model.compile(keras.optimizers.Adam(learning_rate, beta_1))
    return model


def _cross_entropy(logits: Any, *, real: bool) -> Any:
    """Return the mean binary cross-entropy of logits that should all say real, or all fake."""
    logits = ops.cast(logits, "float32")
    return ops.mean(ops.softplus(-logits if real else logits))
