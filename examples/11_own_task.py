# %% [markdown]
# # Your own task
#
# A task that keras-qd does not include: the energy gap of two electrons in a double dot, from the
# potential. The data set, the network, the metric and the task are defined here, as in a notebook
# or in your own package, and used like the built-in ones. This takes about two minutes.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import ops

import keras_qd
from keras_qd import testing
from keras_qd.data import ArrayDataset, Field
from keras_qd.tasks import Task

samples, pixels, epochs, filters = 2000, 32, 40, 16

# %% [markdown]
# ## The data set
#
# Two parabolas with a barrier between them. With one electron in each dot, the gap between the
# ground state, a singlet, and the next level is the exchange splitting J of the two spins. It
# decreases by orders of magnitude as the dots move apart, so the network learns its logarithm.
# Values below the error of the solver are not meaningful, so the gap is cut off at 1e-3 Ha*.


# %%
@keras_qd.register("datasets", "double-dots")
def double_dots(samples: int = 2000, n_pixels: int = 32, seed: int = 0) -> ArrayDataset:
    """Return double dots with the logarithm of the gap of two electrons in them."""
    dots = keras_qd.load(
        "quantum-dots", samples=samples, n_pixels=n_pixels, seed=seed, family="double-dot"
    )
    splits = {}
    for name in ("train", "validation", "test"):
        fields = dots.split(name)
        log_gap = np.log10(np.maximum(np.asarray(fields["gap"]), 1e-3))
        splits[name] = {"potential": np.asarray(fields["potential"]), "log_gap": log_gap}
    described = {
        "potential": Field((n_pixels, n_pixels), "Ha*", "double dot"),
        "log_gap": Field((), "", "decimal logarithm of the gap in Ha*", "float64"),
    }
    return ArrayDataset(**splits, fields=described, metadata={"length": 10.0})


# %% [markdown]
# ## The network
#
# It receives the shapes of one sample, channels last, and is returned compiled. Since it uses only
# `keras.ops` and Keras layers, it runs on every backend.


# %%
@keras_qd.register("models", "gap-net")
def gap_net(
    input_shape=(32, 32, 1), output_shape=(1,), filters: int = 16, learning_rate: float = 2e-3
) -> keras.Model:
    """Return three convolutions and two dense layers."""
    layers = [keras.Input(input_shape)]
    for level in range(3):
        width = filters * 2**level
        layers.append(keras.layers.Conv2D(width, 3, strides=2, padding="same", activation="gelu"))
    layers += [
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="gelu"),
        keras.layers.Dense(output_shape[-1], dtype="float32"),
    ]
    model = keras.Sequential(layers, name="gap_net")
    model.compile(keras.optimizers.Adam(learning_rate), loss="mean_squared_error")
    return model


# %% [markdown]
# ## The metric
#
# The typical factor by which a prediction is too large or too small, as an ordinary Keras metric.


# %%
@keras_qd.register("metrics", "typical-factor")
@keras.saving.register_keras_serializable(package="own-task")
class TypicalFactor(keras.metrics.Metric):
    """Ten to the power of the mean absolute error of a decimal logarithm; 1 is perfect."""

    def __init__(self, name="typical-factor", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(shape=(), initializer="zeros", name="total")
        self.count = self.add_variable(shape=(), initializer="zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add the errors of one batch, each with the weight of its sample."""
        y_true, y_pred = (ops.cast(ops.reshape(y, (-1,)), self.dtype) for y in (y_true, y_pred))
        error = ops.abs(y_true - y_pred)
        weights = ops.ones_like(error)
        if sample_weight is not None:
            weights = ops.cast(ops.reshape(sample_weight, (-1,)), self.dtype)
        self.total.assign(self.total + ops.sum(weights * error))
        self.count.assign(self.count + ops.sum(weights))

    def result(self):
        """Return the factor over all samples so far."""
        return ops.power(10.0, ops.divide_no_nan(self.total, self.count))


# %% [markdown]
# ## The task
#
# It combines the components. A double dot and its symmetric images have the same gap, so each
# solved potential provides eight.

# %%
TASK = Task(
    name="potential-to-gap",
    description="double dot to the gap of two electrons in it",
    dataset="double-dots",
    dataset_config={"samples": samples, "n_pixels": pixels},
    inputs="potential",
    targets="log_gap",
    model="gap-net",
    model_config={"filters": filters},
    metrics=("mae", "r2", "typical-factor"),
    scaling={"potential": "standard", "log_gap": "standard"},
    augmentation="square-symmetries",
    epochs=epochs,
    schedule="cosine",
)
keras_qd.register("tasks", TASK.name)(TASK)

# %% [markdown]
# One call checks a component, and reports all errors at once.

# %%
testing.check_metric("typical-factor", backends=())

# %%
run = keras_qd.train("potential-to-gap", "runs/potential-to-gap", seed=1)
evaluation = keras_qd.evaluate(run)
for metric in TASK.metrics:
    score = evaluation.score(metric)
    print(f"{score.title}: {score.value:.3f}, trivial baseline {score.baseline:.3f}")

# %%
test = run.load_dataset().split("test")
predicted = keras_qd.predict(run, {"potential": test["potential"]})["log_gap"]
figure, panel = plt.subplots(figsize=(4, 3.8), layout="constrained")
panel.loglog(10 ** test["log_gap"], 10**predicted, ".", markersize=5)
panel.loglog([1e-3, 1], [1e-3, 1], color="0.7", zorder=0)
panel.set(xlabel="exact gap (Ha*)", ylabel="predicted gap (Ha*)")
figure.savefig("11_own_task.png", dpi=150)

# %% [markdown]
# ## Share it
#
# To share it, put it into a distribution: `keras-qd new-plugin double-dots` writes a working one
# with entry points, one component of each kind, and tests. Once it is installed, `keras-qd list`
# shows the task, without an import.
