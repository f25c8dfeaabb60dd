"""Muon for convolutional networks: steps along orthogonal matrices instead of Adam's signs."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

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
