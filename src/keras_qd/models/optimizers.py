"""Muon for convolutions, two optimizers as one, scaled losses and clipped gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_qd.errors import UnknownNameError, UsageError

#: Keeps a gradient of zeros from being divided by zero.
_TINY = 1e-7


@keras.saving.register_keras_serializable(package="keras_qd")
class ConvolutionMuon(keras.optimizers.Muon):
    """Keras' Muon, also for kernels of convolutions, taken as matrices."""

    # A kernel (ky, kx, channels, filters) is a matrix W with ky kx channels rows and as many
    # columns as filters. With gradient G, momentum M and the longer side m, a step is
    #     M <- mu M + G,    W <- W - 0.2 alpha sqrt(m) U V^T,
    # where U V^T, nearly, is the orthogonal factor of G + mu M: K. Jordan et al. (2024),
    # https://kellerjordan.github.io/posts/muon. The factor 0.2 sqrt(m) makes steps as long as those
    # of Adam: J. Liu et al., arXiv:2502.16982. All other variables, and kernels with a single
    # filter, are updated by Adam with the same learning rate. There is no weight decay by default.
    # Over the first `warm_up` batches the learning rate rises linearly, on every backend alike.

    def __init__(
        self,
        learning_rate: Any = 3e-3,
        weight_decay: float | None = None,
        adam_weight_decay: float | None = None,
        warm_up: int = 0,
        **options: Any,
    ) -> None:
        _check_decay(weight_decay)
        super().__init__(
            learning_rate,
            weight_decay=weight_decay,
            adam_weight_decay=adam_weight_decay,
            **options,
        )
        self.warm_up = warm_up

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a variable, in the first batches by less."""
        if self.warm_up:
            done = (ops.cast(self.iterations, "float32") + 1) / self.warm_up
            learning_rate = learning_rate * ops.minimum(done, 1.0)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same optimizer again, but for its state."""
        return {**super().get_config(), "warm_up": self.warm_up}

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return the orthogonal factor of a matrix, approximately."""
        # With the smaller of both Gram matrices, A = X^T X, a Newton-Schulz iteration is X <- X P,
        # A <- P A P with P = a + b A + c A^2. All work between the first and the last product is
        # done on A, so a tall kernel costs a third of what it costs in Keras. Singular values far
        # below the largest are less accurate, by up to 5e-4 in single precision.
        wide = x.shape[0] < x.shape[1]
        x = ops.transpose(x) if wide else x
        x = x / (ops.norm(x) + _TINY)
        gram = ops.matmul(ops.transpose(x), x)
        identity = ops.eye(gram.shape[0], dtype=gram.dtype)
        product = identity
        for step in range(steps):
            square = ops.matmul(gram, gram)
            factor = self.muon_a * identity + self.muon_b * gram + self.muon_c * square
            product = ops.matmul(product, factor) if step else factor
            if step < steps - 1:
                gram = ops.matmul(factor, ops.matmul(gram, factor))
        x = ops.matmul(x, product)
        return ops.transpose(x) if wide else x

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) not in (2, 4) or variable.shape[-1] == 1

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.assign_add(m, gradient + (self.momentum - 1) * m)
        direction = gradient + self.momentum * m if self.nesterov else m
        matrix = ops.reshape(direction, (-1, direction.shape[-1]))
        step = self.lr_adjust(lr * self.zeropower_via_newtonschulz5(matrix, self.ns_steps))
        self.assign_sub(variable, ops.reshape(step, variable.shape))


OPTIMIZERS = ("adam", "muon")


@keras.saving.register_keras_serializable(package="keras_qd")
class PairedOptimizer(keras.optimizers.Optimizer):
    """The optimizers of generator and discriminator, as one.

    Each network has its own moments, number of steps and, in float16, loss scale. ``iterations``
    counts batches, in which one network or both are updated.

    Parameters
    ----------
    generator, discriminator : keras.optimizers.Optimizer
        Two optimizers that have no variables yet.
    name : str
        Name of the pair.

    Raises
    ------
    UsageError
        If both are one and the same.

    Examples
    --------
    >>> pair = PairedOptimizer(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-4))
    >>> pair.learning_rate = 5e-4
    >>> round(float(pair.discriminator.learning_rate), 6)
    5e-05
    """

    def __init__(
        self,
        generator: keras.optimizers.Optimizer,
        discriminator: keras.optimizers.Optimizer,
        name: str = "paired",
    ) -> None:
        if generator is discriminator:
            raise UsageError("one optimizer cannot serve two networks; give each its own")
        super().__init__(learning_rate=0.0, name=name)
        self.generator = generator
        self.discriminator = discriminator
        # Once, from the initial rates: a resumed training must not derive it from rounded ones.
        self._rate_ratio = _rate_ratio(generator, discriminator)

    @classmethod
    def twice(cls, optimizer: keras.optimizers.Optimizer) -> PairedOptimizer:
        """Return a pair of this optimizer and another with the same settings.

        Parameters
        ----------
        optimizer : keras.optimizers.Optimizer
            For the generator; the discriminator gets the copy.

        Returns
        -------
        PairedOptimizer
            The pair, not built yet.
        """
        return cls(optimizer, type(optimizer).from_config(optimizer.get_config()))

    def build_networks(self, generator: Sequence[Any], discriminator: Sequence[Any]) -> None:
        """Create the state for the trainable variables of both networks, once.

        Parameters
        ----------
        generator, discriminator : sequence of keras.Variable
            The trainable variables of each network.
        """
        if self.built:
            return
        self.generator.build(list(generator))
        self.discriminator.build(list(discriminator))
        super().build([*generator, *discriminator])

    def build(self, variables: Sequence[Any]) -> None:
        """Do nothing; raise unless :meth:`build_networks` has built the optimizers."""
        if not self.built:
            raise UsageError("this optimizer is for pix2pix, which builds it when it is compiled")

    @property
    def variables(self) -> list[Any]:
        """Own variables, then those of the generator's and the discriminator's optimizer."""
        return [*self._variables, *self.generator.variables, *self.discriminator.variables]

    @property
    def learning_rate(self) -> Any:
        """Learning rate of the generator; setting it sets both, with their initial ratio."""
        return self.generator.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.generator.learning_rate = rate
        self.discriminator.learning_rate = rate * self._rate_ratio

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Write the number of batches; Keras lets the two optimizers write their state."""
        store["iterations"] = ops.convert_to_numpy(ops.copy(self._iterations))

    def load_own_variables(self, store: dict[str, Any]) -> None:
        """Read what :meth:`save_own_variables` wrote."""
        self._iterations.assign(store["iterations"][()])

    def finalize_variable_values(self, variables: Sequence[Any]) -> None:
        """Finalize the variables of both networks, each with its optimizer."""
        for optimizer in (self.generator, self.discriminator):
            own = optimizer._trainable_variables
            optimizer.finalize_variable_values(own)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same pair again, but for its state."""
        return {
            "generator": keras.optimizers.serialize(self.generator),
            "discriminator": keras.optimizers.serialize(self.discriminator),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> PairedOptimizer:
        """Make a pair from what :meth:`get_config` returned."""
        generator, discriminator = (
            keras.optimizers.deserialize(config[key], custom_objects)
            for key in ("generator", "discriminator")
        )
        return cls(generator, discriminator, name=config["name"])


def build_optimizer(
    name: str, learning_rate: float, beta_1: float, weight_decay: float | None = None
) -> keras.optimizers.Optimizer:
    """Return Adam, or Muon, which has no `beta_1`, for a network of convolutions."""
    if name == "muon":
        return ConvolutionMuon(learning_rate, weight_decay)
    if name == "adam":
        _check_decay(weight_decay)
        return keras.optimizers.Adam(learning_rate, beta_1, weight_decay=weight_decay)
    raise UnknownNameError("optimizer", name, OPTIMIZERS)


def _check_decay(weight_decay: float | None) -> None:
    if weight_decay is not None and weight_decay < 0:
        raise UsageError(f"got a weight decay of {weight_decay}; give a positive number, or none")


def with_loss_scale(optimizer: Any, network: keras.Model) -> Any:
    """Return the optimizer of a network, with a loss scale if the network computes in float16."""
    scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if scales or all(layer.compute_dtype != "float16" for layer in network.layers):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)


def clipped(gradients: Sequence[Any], limit: Any) -> list[Any]:
    """Return gradients g min(1, limit / |g|), with the norm over all of them together."""
    # R. Pascanu, T. Mikolov and Y. Bengio, Int. Conf. Machine Learning (2013), arXiv:1211.5063
    norm = ops.sqrt(sum((ops.sum(ops.square(each)) for each in gradients), start=0.0))
    factor = limit / ops.maximum(norm, limit)
    return [each * factor for each in gradients]


def first_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Return the learning rate that an optimizer has now."""
    # A copy: a variable that is mirrored on several devices is not a number.
    return float(ops.copy(optimizer.learning_rate))


def _rate_ratio(generator: Any, discriminator: Any) -> float:
    """Return the discriminator's learning rate over the generator's; 1 where either has none."""
    if not all(hasattr(each, "learning_rate") for each in (generator, discriminator)):
        return 1.0
    rate = first_rate(generator)
    return first_rate(discriminator) / rate if rate else 1.0
