"""Pix2pix: a U-Net trained against a PatchGAN and towards the target, on any Keras backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import keras
from keras import ops

from keras_qd.errors import DataError, UsageError
from keras_qd.models.base import LEARNING_RATE, Configurable, searches
from keras_qd.models.layers.convolution import Convolve, Downsample
from keras_qd.models.layers.ends import Shape, Shapes, image_shape, open_inputs, output_channels
from keras_qd.models.layers.factory import LayerFactory
from keras_qd.models.optimizers import PairedOptimizer, build_optimizer, clipped, with_loss_scale
from keras_qd.models.unet import UNet, search_space, unet

_NETWORKS = ("generator", "discriminator")

#: Levels of the discriminator grow no wider than this many times the first.
_WIDEST = 8

_SLOPE = 0.2


@dataclass(frozen=True)
class Adversary:
    """One of the two networks in a training step, updated once in `every` batches."""

    variables: list[Any]
    optimizer: Any
    every: int

    def is_due(self, batch: Any) -> Any:
        """Return whether it is updated in a batch, counted from 0, as a scalar tensor."""
        return ops.equal(ops.mod(ops.convert_to_tensor(batch) + 1, self.every), 0)


@keras.saving.register_keras_serializable(package="keras_qd")
class Pix2Pix(Configurable, keras.Model):
    r"""A generator that maps images to images, and the discriminator it is trained against [1]_.

    Both are updated in one step from one forward pass: the generator with the gradient of

    .. math:: \mathrm{BCE}(D(x, G(x)), 1) + \lambda \, \mathrm{mean} |y - G(x)|

    and the discriminator with that of

    .. math:: [\mathrm{BCE}(D(x, y), 1) + \mathrm{BCE}(D(x, G(x)), 0)] / 2 .

    Each network has an optimizer of its own
    (:class:`~keras_qd.models.optimizers.PairedOptimizer`); compiled with one, the model gives both
    networks one like it. The logs carry ``generator_loss`` (also as ``loss``),
    ``adversarial_loss``, ``l1_loss`` and ``discriminator_loss``.

    Where there are several outputs by field, the discriminator sees the maps among them, and the L1
    loss is the sum over all, numbers included, with the weights given as `loss_weights` to compile.

    Parameters
    ----------
    generator : keras.Model
        Maps inputs x to predictions of the targets y.
    discriminator : keras.Model
        Maps pairs [x, y] to logits: positive where the pair looks real.
    lambda_l1 : float
        Weight of the L1 loss against the adversarial loss.
    generator_every, discriminator_every : int
        Each network is updated once in so many batches: with 1 and 3, the generator makes three
        steps for one of the discriminator, in the third, sixth, ... batch.
    clip_norm : float, optional
        Norm to which the gradient of each network is clipped.
    average_decay : float, optional
        Predict, validate and save with an exponential average of the generator's weights w [2]_.
        After batch t = 0, 1, ... the average becomes :math:`d a + (1 - d) w`, where
        :math:`d = \min(\mathrm{average\_decay}, (1 + t) / (10 + t))`, so that the first weights
        are soon forgotten. The statistics of normalisation layers are averaged in the same way.
    **options
        Options of :class:`keras.Model`.

    Raises
    ------
    UsageError
        If a setting is out of range.

    References
    ----------
    .. [1] Isola, Zhu, Zhou, Efros, 2017, arXiv:1611.07004
    .. [2] Yazici, Foo, Winkler, Yap, Piliouras, Chandrasekhar, 2018, arXiv:1806.04498

    Examples
    --------
    >>> from keras_qd.models import PatchGAN, UNet
    >>> shape = (16, 16, 1)
    >>> model = Pix2Pix(UNet(shape, filters=4), PatchGAN(shape, shape, filters=4, levels=1))
    >>> model.lambda_l1
    100.0
    """

    # The discriminator sees the targets as they are.
    needs_all_axes = True

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        lambda_l1: float = 100.0,
        generator_every: int = 1,
        discriminator_every: int = 1,
        clip_norm: float | None = None,
        average_decay: float | None = None,
        **options: Any,
    ) -> None:
        _check_settings(generator_every, discriminator_every, clip_norm, average_decay)
        super().__init__(**options)
        self.generator = generator
        self.discriminator = discriminator
        self.lambda_l1 = lambda_l1
        self.generator_every = generator_every
        self.discriminator_every = discriminator_every
        self.clip_norm = clip_norm
        self.average_decay = average_decay
        self.average = None if average_decay is None else _copy_of(generator)
        self._means = {
            name: keras.metrics.Mean(name=name)
            for name in ("generator_loss", "adversarial_loss", "l1_loss", "discriminator_loss")
        }
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the prediction of the generator, or outside training of its average.

        Returns
        -------
        tensor, shape (n, ny, nx, channels), or dict of tensors by field
        """
        network = self.generator if training else self.predictor
        return network(inputs, training=training)

    @property
    def predictor(self) -> keras.Model:
        """The network that predicts: the average of the generator, or the generator itself."""
        return self.generator if self.average is None else self.average

    @property
    def input_shape(self) -> Any:
        """Shape of the inputs, with None for the samples, or shapes by field."""
        return self.generator.input_shape

    @property
    def output_shape(self) -> Any:
        """Shape of the predictions, with None for the samples, or shapes by field."""
        return self.generator.output_shape

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the predictions for inputs of a shape.

        Parameters
        ----------
        input_shape : tuple of int or None, or mapping of str to such
            With the samples first.

        Returns
        -------
        tuple of int or None, or dict of str to such
            With the samples first.
        """
        return self.generator.compute_output_shape(input_shape)

    @property
    def graph(self) -> keras.Model:
        """Generator and discriminator as one graph: ``keras.utils.plot_model(model.graph)``.

        Keras draws a model with a training step of its own as a single node. With
        ``expand_nested=True`` the layers of both networks are drawn.
        """
        inputs = keras.tree.map_structure(
            lambda each: keras.Input(each.shape[1:], name=f"{each.name}_graph"),
            self.generator._inputs_struct,
        )
        prediction = self.generator(inputs)
        logits = self.discriminator([inputs, _maps(prediction)])
        return keras.Model(inputs, [prediction, logits], name=self.name)

    def export(self, filepath: Any, *arguments: Any, **options: Any) -> None:
        """Export the network that predicts, as :meth:`keras.Model.export` does.

        Parameters
        ----------
        filepath : str or Path
            The file or directory to write.
        *arguments, **options
            Those of Keras, such as ``format``.
        """
        self.predictor.export(filepath, *arguments, **options)

    def compile(self, optimizer: Any = "adam", loss: Any = "mae", **options: Any) -> None:
        """Configure the training as :meth:`keras.Model.compile` does.

        Parameters
        ----------
        optimizer : str or keras.optimizers.Optimizer
            For both networks; a :class:`~keras_qd.models.optimizers.PairedOptimizer` holds one for
            each. Where a network computes in float16, its loss is scaled.
        loss : str or keras.losses.Loss
            Of predictions and targets, weighted by ``lambda_l1``; L1 by default. Another one is
            also logged as ``l1_loss``.
        **options
            Options of Keras, such as ``metrics``.

        Raises
        ------
        UsageError
            If `jit_compile` is set on torch, which cannot compile the step, or `loss` is None.
        """
        if loss is None:
            raise UsageError(
                "pix2pix needs a loss between predictions and targets: leave it out for L1, or "
                "give another such as loss='mse'; lambda_l1=0 leaves only the adversary"
            )
        if options.get("jit_compile") is True and keras.config.backend() == "torch":
            raise UsageError(
                "torch cannot compile the step of pix2pix, which differentiates one pass twice; "
                "leave jit_compile out, or train on JAX, which compiles it"
            )
        pair = keras.optimizers.get(optimizer)
        if not isinstance(pair, PairedOptimizer):
            pair = PairedOptimizer.twice(pair)
        for name in ("generator", "discriminator"):
            setattr(pair, name, with_loss_scale(getattr(pair, name), getattr(self, name)))
        super().compile(pair, loss=loss, **{**options, "auto_scale_loss": False})
        # Saved before any training, the optimizer would otherwise lack what the loaded one expects.
        pair.build_networks(
            self.generator.trainable_variables, self.discriminator.trainable_variables
        )

    def adversaries(self) -> tuple[Adversary, Adversary]:
        """Return generator and discriminator with their optimizers, for a training step."""
        networks, pair = (self.generator, self.discriminator), self.optimizer
        optimizers = (pair.generator, pair.discriminator)
        every = (self.generator_every, self.discriminator_every)
        generator, discriminator = (
            Adversary(network.trainable_variables, optimizer, count)
            for network, optimizer, count in zip(networks, optimizers, every, strict=True)
        )
        return generator, discriminator

    def clip(self, gradients: list[Any], optimizer: Any) -> list[Any]:
        """Clip the gradients of one network to the norm that is set, if any.

        Parameters
        ----------
        gradients : list of tensor
            Of all trainable variables of the network.
        optimizer : keras.optimizers.Optimizer
            Of the same network; its loss scale multiplies the norm.

        Returns
        -------
        list of tensor
            The gradients, clipped over all variables together.
        """
        if self.clip_norm is None:
            return gradients
        return clipped(gradients, optimizer.scale_loss(ops.cast(self.clip_norm, "float32")))

    def update_average(self) -> None:
        """Move the average towards the generator's weights, before the batch is counted."""
        if self.average is None or self.average_decay is None:
            return
        batch = ops.cast(self.optimizer.iterations, "float32")
        decay = ops.minimum(self.average_decay, (1.0 + batch) / (10.0 + batch))
        for mean, value in zip(self.average.weights, self.generator.weights, strict=True):
            mean.assign(decay * mean + (1.0 - decay) * value)

    @property
    def n_replicas(self) -> int:
        """Number of parts into which TensorFlow divides a batch; 1 on the other backends."""
        strategy = getattr(self, "distribute_strategy", None)
        return 1 if strategy is None else int(strategy.num_replicas_in_sync)

    def train_step(self, *arguments: Any) -> Any:
        """Update both networks from one batch, by the step for the running backend."""
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
        # Keras expects a replica's share of the loss.
        return self.compute_losses(x, y, y_pred, sample_weight, training)[0] / self.n_replicas

    def compute_losses(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True
    ) -> tuple[Any, Any]:
        """Return the losses of generator and discriminator; update the means of all four.

        Parameters
        ----------
        x, y, y_pred : tensor, shape (n, ny, nx, channels), or dict of tensors by field
            Inputs, targets and the generator's predictions.
        sample_weight : tensor, shape (n,), optional
            Weights of the samples in the L1 loss.
        training : bool
            Whether the discriminator normalises over the batch.

        Returns
        -------
        generator : tensor, shape ()
            Loss of the generator.
        discriminator : tensor, shape ()
            Loss of the discriminator.

        Raises
        ------
        DataError
            If there are no targets, or their shape differs from that of the predictions.
        """
        wanted, found = _sample_shapes(y_pred), None if y is None else _sample_shapes(y)
        if wanted != found:
            given = "none" if found is None else f"targets of shape {found}"
            raise DataError(f"pix2pix needs targets of shape {wanted} per sample; got {given}")
        if sample_weight is not None:
            # Keras does not spread one weight a sample over the pixels of an image.
            sample_weight = keras.tree.map_structure(partial(_spread, sample_weight), y_pred)
        # Arrays, where nothing compiles.
        x, y = (keras.tree.map_structure(ops.convert_to_tensor, each) for each in (x, y))
        n_samples = ops.shape(keras.tree.flatten(x)[0])[0]
        l1 = super().compute_loss(x, y, y_pred, sample_weight, training) * self.n_replicas
        real = self.discriminator([x, _maps(y)], training=training)
        fake = self.discriminator([x, _maps(y_pred)], training=training)
        adversarial = _cross_entropy(fake, real=True)
        generator = adversarial + self.lambda_l1 * l1
        discriminator = 0.5 * (_cross_entropy(real, real=True) + _cross_entropy(fake, real=False))
        values = (generator, adversarial, l1, discriminator)
        for mean, value in zip(self._means.values(), values, strict=True):
            mean.update_state(ops.stop_gradient(value), sample_weight=n_samples)
        return generator, discriminator

    def report(self, loss: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> dict[str, Any]:
        """Update the mean of the generator's loss and the compiled metrics.

        Parameters
        ----------
        loss : tensor, shape ()
            Loss of the generator.
        x, y, y_pred : tensor, shape (n, ny, nx, channels), or dict of tensors by field
            Inputs, targets and the generator's predictions.
        sample_weight : tensor, shape (n,), optional
            Weights of the samples.

        Returns
        -------
        dict of str to tensor
            All logs, by name.
        """
        n_samples = ops.shape(keras.tree.flatten(x)[0])[0]
        self._loss_tracker.update_state(loss, sample_weight=n_samples)
        return dict(self.compute_metrics(x, y, y_pred, sample_weight))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same model again, but for the weights."""
        serialize = keras.saving.serialize_keras_object
        networks = {name: serialize(getattr(self, name)) for name in _NETWORKS}
        return {**keras.Model.get_config(self), **self.settings, **networks}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Pix2Pix:
        """Make a model from what :meth:`get_config` returned."""
        deserialize = keras.saving.deserialize_keras_object
        networks = {name: deserialize(config[name], custom_objects) for name in _NETWORKS}
        return cls(**{**config, **networks})

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile the model from the result of :meth:`get_compile_config`."""
        self.compile(**keras.saving.deserialize_keras_object(config))


def _check_settings(
    generator_every: int,
    discriminator_every: int,
    clip_norm: float | None,
    average_decay: float | None,
) -> None:
    for every in (generator_every, discriminator_every):
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise UsageError(
                f"a network is updated in every batch (1), every second (2), ...; got {every!r}"
            )
    if clip_norm is not None and not clip_norm > 0:
        raise UsageError(f"clip_norm={clip_norm!r} must be positive, or None not to clip")
    if average_decay is not None and not 0 <= average_decay < 1:
        raise UsageError(
            f"average_decay={average_decay!r} must be from 0 to below 1, or None for no average"
        )


def _copy_of(network: keras.Model) -> keras.Model:
    """Return an untrainable copy of a network, to hold the average of its weights."""
    copy = type(network).from_config(network.get_config())
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy


def _sample_shapes(tensors: Any) -> Any:
    """Return the shape of one sample, or the shapes by field."""
    if isinstance(tensors, Mapping):
        return {name: _sample_shapes(tensors[name]) for name in sorted(tensors)}
    return tuple(tensors.shape[1:])


def _maps(tensors: Any) -> Any:
    """Return what the discriminator sees of outputs: an image, or all maps as one."""
    if not isinstance(tensors, Mapping):
        return tensors
    maps = [tensors[name] for name in sorted(tensors) if len(tensors[name].shape) == 4]
    return maps[0] if len(maps) == 1 else ops.concatenate(maps, axis=-1)


def _spread(sample_weight: Any, tensor: Any) -> Any:
    """Return weights of samples in a shape that multiplies the losses of all pixels."""
    return ops.reshape(sample_weight, (-1, *(1 for _ in tensor.shape[2:])))


def _cross_entropy(logits: Any, *, real: bool) -> Any:
    """Return the mean binary cross-entropy of logits, all with the label real, or all fake."""
    logits = ops.cast(logits, "float32")
    return ops.mean(ops.softplus(-logits if real else logits))


def _search_space(input_shape: Shapes) -> dict[str, Any]:
    """Return the search space of the U-Net, and that of the discriminator."""
    side = min(image_shape(input_shape)[:2])
    levels = max(level for level in (1, 2, 3) if level == 1 or side >= _smallest_side(level))
    return {
        **search_space(input_shape),
        "discriminator_learning_rate": LEARNING_RATE,
        "discriminator_filters": [4, 8, 16],
        "discriminator_levels": {"low": 1, "high": levels},
        "lambda_l1": {"low": 10.0, "high": 1000.0, "log": True},
    }


@searches(_search_space)
def pix2pix(
    input_shape: Shapes = (64, 64, 1),
    output_shape: Shapes | None = None,
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
    name: str = "pix2pix",
) -> Pix2Pix:
    """Build pix2pix, compiled and ready for ``fit``.

    Parameters
    ----------
    input_shape, output_shape : tuple of int, or mapping of str to tuple of int
        (ny, nx, channels), without the sample axis; the output is as the input if not given. Any
        grid of 8 pixels a side or more. Or by field maps and numbers, see
        :class:`~keras_qd.models.unet.UNet`; the discriminator sees the maps.
    filters, depth, dropout, normalization, upsampling, output_activation : optional
        Settings of the generator, see :class:`~keras_qd.models.unet.UNet`. The discriminator has
        the same normalization.
    discriminator_filters : int, optional
        As the generator's if not given.
    discriminator_levels : int
        How often the discriminator halves the images, see :class:`PatchGAN`.
    lambda_l1, generator_every, discriminator_every, clip_norm, average_decay : optional
        See :class:`Pix2Pix`.
    optimizer : str
        Optimizer of the generator: ``"adam"``, or ``"muon"``, see
        :class:`~keras_qd.models.optimizers.ConvolutionMuon`. That of the discriminator is Adam.
    learning_rate : float
        Learning rate of both networks.
    discriminator_learning_rate : float, optional
        Learning rate of the discriminator, if another one.
    beta_1 : float
        Setting of Adam, for both networks.
    weight_decay : float, optional
        For the generator alone, see :func:`~keras_qd.models.unet.unet`.
    seed : int, optional
        For the initial weights and the dropout masks.
    dtype : str, optional
        Name of a dtype policy such as ``"mixed_bfloat16"``; the global one if not given. With
        ``"mixed_float16"`` the loss of each network has a scale of its own.
    name : str
        Name of the model.

    Returns
    -------
    Pix2Pix
        ``fit``, ``evaluate``, ``predict`` and ``save`` work as on any Keras model.

    Raises
    ------
    UsageError
        If the shapes or the depth do not fit, or a setting is out of range.

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
        (*image_shape(input_shape)[:2], output_channels(input_shape, output_shape)),
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
        name=name,
    )
    generators = build_optimizer(optimizer, learning_rate, beta_1, weight_decay)
    rate = discriminator_learning_rate or learning_rate
    model.compile(PairedOptimizer(generators, keras.optimizers.Adam(rate, beta_1)))
    return model


#: The same generator without the discriminator: what an adversarial run is compared with.
pix2pix.generator_alone = unet  # type: ignore[attr-defined]


@keras.saving.register_keras_serializable(package="keras_qd")
class PatchGAN(Configurable, keras.Model):
    """Discriminator: distinguishes real from generated targets, patch by patch [1]_.

    Parameters
    ----------
    input_shape : tuple of int, or mapping of str to tuple of int
        (ny, nx, channels) of the input image; or by field maps and numbers, (k,).
    target_shape : tuple of int
        (ny, nx, channels) of the target image.
    filters : int
        Channels of the first level; they double from level to level, up to eight times as many.
    levels : int
        How often the pair is halved. With 1 to 4 levels, patches have sides of 16, 34, 70 and 142
        pixels.
    normalization : str
        ``"batch"``, ``"group"``, ``"instance"`` or ``"none"``.
    seed : int, optional
        For the initial weights.
    dtype : str, optional
        Name of a dtype policy such as ``"mixed_bfloat16"``; the global one if not given.
    name : str
        Name of the network and prefix of its layers' names.

    Raises
    ------
    UsageError
        If the image is too small for so many levels.

    References
    ----------
    .. [1] Isola, Zhu, Zhou, Efros, 2017, arXiv:1611.07004

    Examples
    --------
    >>> PatchGAN((16, 16, 1), (16, 16, 1), filters=4, levels=1).output_shape
    (None, 6, 6, 1)
    """

    def __init__(
        self,
        input_shape: Shapes = (64, 64, 1),
        target_shape: Shape = (64, 64, 1),
        filters: int = 64,
        levels: int = 3,
        normalization: str = "batch",
        seed: int | None = None,
        dtype: str | None = None,
        name: str = "patchgan",
    ) -> None:
        _check_size(image_shape(input_shape), levels)
        policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy()).name
        layers = LayerFactory(name, policy, seed, normalization)
        inputs, image = open_inputs(input_shape, f"{name}_input")
        target = keras.Input(tuple(target_shape), name=f"{name}_target")
        features = layers.make(keras.layers.Concatenate, name="pair")([image, target])
        for level in range(levels):
            features = _block(layers, features, filters, level)
        features = _block(layers, features, filters, levels, halves=False)
        logits = _convolve(layers, features, 1, "logits", use_bias=True)
        self.settings.update(dtype=policy)
        super().__init__([inputs, target], logits, name=name)


def _smallest_side(levels: int) -> int:
    return 2 * int(2**levels) + 1


def _check_size(shape: Shape, levels: int) -> None:
    """Raise unless a patch is left: each of the last two convolutions removes a pixel a side."""
    smallest = _smallest_side(levels)
    if levels < 1 or min(shape[:2]) < smallest:
        raise UsageError(
            f"{levels} levels need images of at least {smallest} pixels a side, got "
            f"{shape[0]} x {shape[1]}; use at least one level, and fewer for smaller images"
        )


def _block(
    layers: LayerFactory, features: Any, filters: int, level: int, halves: bool = True
) -> Any:
    """Convolve, normalise (not at the first level), and apply a leaky ReLU."""
    name = f"level{level}"
    width = filters * min(2**level, _WIDEST)
    normalized = layers.normalizes and level > 0
    if halves:
        features = layers.weighted(Downsample, width, name=name, use_bias=not normalized)(features)
    else:
        features = _convolve(layers, features, width, name, use_bias=not normalized)
    if normalized:
        features = layers.normalize(features, f"{name}_norm")
    return layers.make(keras.layers.LeakyReLU, _SLOPE, name=f"{name}_leaky")(features)


def _convolve(layers: LayerFactory, features: Any, filters: int, name: str, use_bias: bool) -> Any:
    """Convolve with a 4 x 4 kernel at every pixel of an image framed by one row of zeros."""
    padded = layers.make(keras.layers.ZeroPadding2D, 1, name=f"{name}_pad")(features)
    return layers.weighted(Convolve, filters, name=name, use_bias=use_bias)(padded)
