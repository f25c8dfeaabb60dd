"""The model: convolutions around the ring, trained by sharpness-aware minimisation."""

from importlib import import_module

import keras
from keras import ops

from keras_qd.models import Network, searches


@searches({"filters": [8, 16, 32], "learning_rate": {"low": 1e-3, "high": 1e-2, "log": True}})
@keras.saving.register_keras_serializable(package="keras_qd_rings")
class RingNet(Network):
    """Circular convolutions on profiles, shifted by the numbers beside them."""

    def __init__(
        self,
        input_shape=(32, 1),
        output_shape=None,
        filters=16,
        layers=3,
        rho=0.02,
        learning_rate=3e-3,
        name="ring_net",
    ):
        inputs = _by_name(input_shape, lambda name, shape: keras.Input(shape, name=name))
        ends = inputs.values() if isinstance(inputs, dict) else [inputs]
        features = ops.concatenate([each for each in ends if len(each.shape) == 3], axis=-1)
        numbers = [each for each in ends if len(each.shape) == 2]
        for _ in range(layers):
            features = _around(features, filters)
            if numbers:
                shift = keras.layers.Dense(filters, "tanh")(ops.concatenate(numbers, axis=-1))
                features = features + ops.expand_dims(shift, 1)
            features = keras.activations.gelu(features)
        means = keras.layers.GlobalAveragePooling1D()(features)

        def head(name, shape):
            seen = features if len(shape) == 2 else means
            return keras.layers.Dense(shape[-1], dtype="float32")(seen)

        outputs = _by_name(output_shape or input_shape, head)
        super().__init__(inputs, outputs)

    def train_step(self, *arguments):
        """Update the weights from one batch, by the step for the running backend."""
        step = import_module(f"keras_qd_rings.steps.{keras.config.backend()}")
        return step.train_step(self, *arguments)

    def ascent(self, gradients):
        """Return the steps uphill: the gradients, scaled to the length rho together."""
        squares = [ops.sum(ops.square(each)) for each in gradients]
        factor = self.settings["rho"] / (ops.sqrt(sum(squares)) + 1e-12)
        return [factor * each for each in gradients]

    def report(self, loss, x, y, y_pred, sample_weight):
        """Update the mean of the loss and the metrics, and return all logs."""
        size = ops.shape(keras.tree.flatten(y)[0])[0]
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=size)
        return self.compute_metrics(x, y, y_pred, sample_weight)


def _by_name(shapes, make):
    """Make something for a single shape, or for each of several by name."""
    if isinstance(shapes, dict):
        return {name: make(name, tuple(shape)) for name, shape in shapes.items()}
    return make(None, tuple(shapes))


def _around(features, filters, width=5):
    """Return a convolution that continues around the ring."""
    half = width // 2
    around = ops.concatenate([features[:, -half:], features, features[:, :half]], axis=1)
    return keras.layers.Conv1D(filters, width)(around)
