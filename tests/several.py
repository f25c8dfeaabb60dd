"""A small data set of maps and numbers, and a table of numbers, with tasks on them."""

import numpy as np

import keras_qd
from keras_qd.data import ArrayDataset, Field
from keras_qd.tasks import Task

N_PIXELS = 16
FIELDS = {
    "potential": Field((N_PIXELS, N_PIXELS), "Ha*", "confinement potential"),
    "electrons": Field((), "", "number of electrons"),
    "interaction": Field((), "", "strength of the interaction"),
    "density": Field((N_PIXELS, N_PIXELS), "1/a0*^2", "density"),
    "energy": Field((), "Ha*", "ground-state energy"),
}
#: The columns of a table, and the classes of its rows.
COLUMNS = ("length", "width", "height")
N_CLASSES = 3


def make_dots(n_samples, seed):
    """Return wells, electron numbers and strengths, with densities and energies made of them."""
    generator = np.random.default_rng(seed)
    points = (np.arange(N_PIXELS) + 0.5) / N_PIXELS
    x, y = np.meshgrid(points, points)
    centre = generator.uniform(0.3, 0.7, (2, n_samples, 1, 1))
    well = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 0.05)
    electrons = generator.integers(1, 4, n_samples).astype(float)
    interaction = generator.uniform(0.0, 1.0, n_samples)
    return {
        "potential": -well,
        "electrons": electrons,
        "interaction": interaction,
        "density": electrons[:, None, None] * well,
        "energy": electrons * (interaction - 1.0),
    }


def make_dataset(n_train=16, n_other=8):
    """Return the small data set."""
    return ArrayDataset(
        train=make_dots(n_train, 0),
        validation=make_dots(n_other, 1),
        test=make_dots(n_other, 2),
        fields=FIELDS,
    )


def make_task(**changes):
    """Return a task with two kinds of input and of target, which trains in a second."""
    settings = {
        "name": "dots",
        "description": "potential, electrons and interaction to density and energy",
        "dataset": "dots-for-tests",
        "inputs": ("potential", "electrons", "interaction"),
        "targets": ("density", "energy"),
        "model": "unet",
        "model_config": {"filters": 2, "depth": 2},
        "metrics": ("l1", "r2", "ssim"),
        "loss_weights": {"energy": 0.1},
        "scaling": {"energy": "standard"},
        "epochs": 1,
        "batch_size": 8,
    }
    return Task(**{**settings, **changes})


keras_qd.register("datasets", "dots-for-tests")(make_dataset)


@keras_qd.register("models", "several-for-tests")
def several(input_shape, output_shape, units=4):
    """Return a functional model with named ends, as anyone would write it."""
    import keras

    inputs = {name: keras.Input(shape, name=name) for name, shape in input_shape.items()}
    flat = [keras.layers.Flatten()(each) for each in inputs.values()]
    features = keras.layers.Dense(units, "tanh")(keras.layers.Concatenate()(flat))
    outputs = {}
    for name, shape in output_shape.items():
        values = keras.layers.Dense(int(np.prod(shape)))(features)
        outputs[name] = keras.layers.Reshape(shape)(values)
    model = keras.Model(inputs, outputs)
    model.compile("adam", "mse")
    return model


def make_table(n_samples, seed):
    """Return rows of three numbers, as a vector, and a class of each."""
    generator = np.random.default_rng(seed)
    classes = generator.integers(N_CLASSES, size=n_samples)
    table = generator.normal(size=(n_samples, len(COLUMNS))) + 3 * np.eye(N_CLASSES)[classes]
    return {"table": table, "kind": classes}


def make_table_dataset():
    """Return a data set without any map: a table of numbers to a class."""
    return ArrayDataset(
        train=make_table(48, 0),
        validation=make_table(16, 1),
        test=make_table(16, 2),
        fields={
            "table": Field((len(COLUMNS),), "mm", "measures", "float64", labels=COLUMNS),
            "kind": Field((), "", "class", "int64", limits=(0, N_CLASSES - 1)),
        },
    )


keras_qd.register("datasets", "table-for-tests")(make_table_dataset)


@keras_qd.register("models", "dense-for-tests")
def dense(input_shape, output_shape, units=8, learning_rate=3e-2):
    """Return two dense layers and a softmax: the table must come as a vector."""
    import keras

    layers = [
        keras.Input(input_shape),
        keras.layers.Dense(units, "relu"),
        keras.layers.Dense(output_shape[-1], "softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(learning_rate), "categorical_crossentropy")
    return model


def make_table_task(**changes):
    """Return the task on that table."""
    settings = {
        "name": "table-to-class",
        "description": "a row of a table to its class",
        "dataset": "table-for-tests",
        "inputs": "table",
        "targets": "kind",
        "model": "dense-for-tests",
        "metrics": ("accuracy", "cross-entropy"),
        "scaling": {"table": "standard", "kind": "one-hot"},
        "epochs": 2,
        "batch_size": 16,
    }
    return Task(**{**settings, **changes})
