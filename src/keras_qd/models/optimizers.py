"""Optimizers by name, those of two networks as one, scaled losses and clipped gradients."""

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
    r"""Keras' Muon [1]_, for kernels of convolutions too, taken as matrices.

    A kernel of shape (ky, kx, channels, filters) is a matrix W with ky kx channels rows and as many
    columns as filters. With its gradient G and the momentum M, a step is

    .. math::

        M \leftarrow \mu M + G, \qquad
        W \leftarrow W - 0.2 \, \alpha \sqrt{\max(m, n)} \; U V^T,

    where m, n are the sides of the matrix and :math:`U V^T`, nearly, is the orthogonal factor of
    :math:`G + \mu M`, found by five Newton-Schulz iterations; the factor makes steps as long as
    those of Adam [2]_. Everything that is no matrix, and a kernel with a single filter, is moved by
    Adam with the same learning rate. Nothing decays unless told to.

    Parameters
    ----------
    learning_rate : float
        The factor :math:`\alpha`.
    weight_decay, adam_weight_decay : float, optional
        Of matrices, and of everything else.
    **options
        Options of :class:`keras.optimizers.Muon`.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024),
       https://kellerjordan.github.io/posts/muon
    .. [2] J. Liu et al., "Muon is scalable for LLM training" (2025), arXiv:2502.16982

    Examples
    --------
    >>> ConvolutionMuon(3e-3).momentum
    0.95
    """

    def __init__(
        self,
        learning_rate: Any = 3e-3,
        weight_decay: float | None = None,
        adam_weight_decay: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay=weight_decay,
            adam_weight_decay=adam_weight_decay,
            **options,
        )

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        r"""Return the orthogonal factor of a matrix, nearly.

        With the smaller of both Gram matrices, :math:`A = X^T X`, a Newton-Schulz iteration is
        :math:`X \leftarrow X P`, :math:`A \leftarrow P A P` with
        :math:`P = a + b A + c A^2`. So all work between the first product and the last is done on
        A, and a tall kernel costs a third of what it costs in Keras. Singular values far below
        the largest come out less accurately, by up to 5e-4 in single precision.

        Parameters
        ----------
        x : tensor, shape (m, n)
            The matrix.
        steps : int
            Iterations, one at least.

        Returns
        -------
        tensor, shape (m, n)
            With singular values of about one.
        """
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
    """The generator's optimizer and the discriminator's, in the place of one.

    Each network has moments, a count of steps and, in float16, a loss scale of its own. What
    ``iterations`` counts are batches, in which one network or both may have moved.

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
        # Once, from the first rates: a resumed training must not get it from rounded ones.
        self._rate_ratio = _rate_ratio(generator, discriminator)

    @classmethod
    def twice(cls, optimizer: keras.optimizers.Optimizer) -> PairedOptimizer:
        """Return a pair of this optimizer and another with the same settings.

        Parameters
        ----------
        optimizer : keras.optimizers.Optimizer
            For the generator.

        Returns
        -------
        PairedOptimizer
            Of this one and one like it.
        """
        return cls(optimizer, type(optimizer).from_config(optimizer.get_config()))

    def build_networks(self, generator: Sequence[Any], discriminator: Sequence[Any]) -> None:
        """Create the variables that belong to the trainable variables of both networks.

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
        """Do nothing once the variables are there.

        Raises
        ------
        UsageError
            If they are not: which network has which must be known, see :meth:`build_networks`.
        """
        if not self.built:
            raise UsageError("this optimizer is for pix2pix, which builds it when it is compiled")

    @property
    def variables(self) -> list[Any]:
        """Its own variables, then the generator's and the discriminator's."""
        return [*self._variables, *self.generator.variables, *self.discriminator.variables]

    @property
    def learning_rate(self) -> Any:
        """The generator's; to set it sets both, in the ratio of the first ones."""
        return self.generator.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.generator.learning_rate = rate
        self.discriminator.learning_rate = rate * self._rate_ratio

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Write the count of batches; Keras has the two optimizers write theirs."""
        store["iterations"] = ops.convert_to_numpy(ops.copy(self._iterations))

    def load_own_variables(self, store: dict[str, Any]) -> None:
        """Read what :meth:`save_own_variables` wrote."""
        self._iterations.assign(store["iterations"][()])

    def finalize_variable_values(self, variables: Sequence[Any]) -> None:
        """Let each optimizer do what it does at the end of a training."""
        for optimizer in (self.generator, self.discriminator):
            own = optimizer._trainable_variables
            optimizer.finalize_variable_values(own)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same pair again, but for its state."""
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
    """Return the optimizer of a network of convolutions.

    Parameters
    ----------
    name : str
        ``"adam"``, or ``"muon"``, see :class:`~keras_qd.models.optimizers.ConvolutionMuon`.
    learning_rate : float
        Of either.
    beta_1 : float
        Of Adam.
    weight_decay : float, optional
        Of every weight with Adam, of the kernels that are matrices with Muon.

    Raises
    ------
    UnknownNameError
        If there is no such optimizer.
    UsageError
        If the weight decay is negative.
    """
    if weight_decay is not None and weight_decay < 0:
        raise UsageError(f"got a weight decay of {weight_decay}; give none, or a positive number")
    if name == "muon":
        return ConvolutionMuon(learning_rate, weight_decay)
    if name == "adam":
        return keras.optimizers.Adam(learning_rate, beta_1, weight_decay=weight_decay)
    raise UnknownNameError("optimizer", name, OPTIMIZERS)


def with_loss_scale(optimizer: Any, network: keras.Model) -> Any:
    """Return an optimizer that keeps the gradients of a network in float16 from vanishing.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        As it comes for a network that computes in another type, or where it scales already.
    network : keras.Model
        What it trains.
    """
    scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if scales or all(layer.compute_dtype != "float16" for layer in network.layers):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)


def clipped(gradients: Sequence[Any], limit: Any) -> list[Any]:
    r"""Return gradients :math:`g \min(1, c / \|g\|)` [1]_, the norm over all of them together.

    Parameters
    ----------
    gradients : sequence of tensor
        Of all variables of one network.
    limit : float or scalar tensor
        The largest norm c that is left alone.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
       networks", Int. Conf. Machine Learning (2013), arXiv:1211.5063
    """
    norm = ops.sqrt(sum((ops.sum(ops.square(each)) for each in gradients), start=0.0))
    factor = limit / ops.maximum(norm, limit)
    return [each * factor for each in gradients]


def first_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Return the learning rate that an optimizer has now."""
    # A copy: a variable that is mirrored on several devices is no number.
    return float(ops.copy(optimizer.learning_rate))


def _rate_ratio(generator: Any, discriminator: Any) -> float:
    """Return the discriminator's learning rate over the generator's; 1 where either has none."""
    if not all(hasattr(each, "learning_rate") for each in (generator, discriminator)):
        return 1.0
    rate = first_rate(generator)
    return first_rate(discriminator) / rate if rate else 1.0
