"""Which optimizers are Adam and nothing else, so that a backend's own kernel can take the step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Settings of Keras' optimizers that the kernels know nothing of.
_EXTRAS = (
    "amsgrad",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "gradient_accumulation_steps",
    "loss_scale_factor",
    "use_ema",
    "weight_decay",
)


def is_plain_adam(optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> bool:
    """Return whether a step is Adam's formula in single precision, and nothing else.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Any; of Adam's subclasses only Keras' own one for the backend is taken for it.
    gradients : sequence of tensor or None
        As they would be applied.
    variables : sequence of keras.Variable
        What they belong to.
    """
    kind = type(optimizer)
    if kind.__name__ != "Adam" or not kind.__module__.startswith("keras.src."):
        return False
    if any(getattr(optimizer, name) for name in _EXTRAS):
        return False
    return all(
        gradient is not None and variable.dtype == "float32" and variable.constraint is None
        for gradient, variable in zip(gradients, variables, strict=True)
    )
