"""The metric: the largest error over a whole set."""

import keras


@keras.saving.register_keras_serializable(package="keras_qd_oscillators")
class LargestError(keras.metrics.Metric):
    """The largest absolute error over all samples."""

    def __init__(self, name: str = "largest_error", **kwargs):
        super().__init__(name=name, **kwargs)
        self.largest = self.add_variable(shape=(), initializer="zeros", name="largest")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take the errors of one batch into account."""
        error = keras.ops.max(keras.ops.abs(keras.ops.cast(y_true, "float32") - y_pred))
        self.largest.assign(keras.ops.maximum(self.largest, error))

    def result(self):
        """Return the largest error so far."""
        return keras.ops.convert_to_tensor(self.largest)
