"""What networks of one graph share: made by settings, compiled, saved for every backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import keras

from keras_qd.models.portable import portable_config


class Network(keras.Model):
    """A graph of layers that a few settings make, compiled and ready for ``fit``.

    A subclass draws the graph in its ``__init__`` and hands over the arguments it was made with.

    Parameters
    ----------
    inputs, outputs : keras.KerasTensor
        Ends of the graph.
    settings : mapping
        The arguments that make the same network again, ``name`` and ``learning_rate`` among them.
    loss : str
        A Keras loss.
    optimizer : keras.optimizers.Optimizer, optional
        Adam with the settings' learning rate if not given.

    Examples
    --------
    >>> class Mean(Network):
    ...     def __init__(self, input_shape=(8, 8, 1), name="mean", learning_rate=1e-3):
    ...         inputs = keras.Input(input_shape)
    ...         outputs = keras.layers.GlobalAveragePooling2D()(inputs)
    ...         settings = dict(input_shape=input_shape, name=name, learning_rate=learning_rate)
    ...         super().__init__(inputs, outputs, settings)
    >>> Mean().output_shape
    (None, 1)
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        settings: Mapping[str, Any],
        loss: str = "mse",
        optimizer: keras.optimizers.Optimizer | None = None,
    ) -> None:
        super().__init__(inputs, outputs, name=settings["name"])
        self._settings = dict(settings)
        self.compile(optimizer or keras.optimizers.Adam(settings["learning_rate"]), loss=loss)
        # Saved before any training, the optimizer would otherwise lack what the loaded one expects.
        self.optimizer.build(self.trainable_variables)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make the same network again."""
        return dict(self._settings)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Make a network from what :meth:`get_config` returned."""
        return cls(**config)

    def get_compile_config(self) -> dict[str, Any]:
        """Return how the model was compiled, in a form that every backend can load."""
        return dict(portable_config(super().get_compile_config()))
