"""A plug-in without any map: a table of numbers about filled shells, to a class."""

FILES = {
    "pyproject.toml": """[build-system]
requires = ["hatchling>=1.24"]
build-backend = "hatchling.build"

[project]
name = "keras-qd-shells"
version = "0.2"
dependencies = ["keras-qd"]

[project.entry-points."keras_qd.datasets"]
shells = "keras_qd_shells.data:shells"

[project.entry-points."keras_qd.models"]
shells-net = "keras_qd_shells.net:net"

[project.entry-points."keras_qd.tasks"]
shells-to-spin = "keras_qd_shells.task:task"

[project.entry-points."keras_qd.scalings"]
bounded = "keras_qd_shells.data:Bounded"

[project.entry-points."keras_qd.callbacks"]
notes = "keras_qd_shells.net:notes"

[tool.hatch.build.targets.wheel]
packages = ["src/keras_qd_shells"]
""",
    "src/keras_qd_shells/__init__.py": '"""A table to a class."""\n',
    "src/keras_qd_shells/data.py": '''"""Spins of electrons in a parabola, and a scaling."""

import dataclasses

import numpy as np

from keras_qd.data import ArrayDataset, Field, Scaling

FIELDS = {
    "shell": Field((3,), "", "electrons, frequency, field", "float64", labels=("n", "w", "b")),
    "spin": Field((), "", "twice the spin", "int64", limits=(0, 2)),
}


def shells(samples=200, seed=0):
    """Return electron numbers, frequencies and fields, and twice the spin of the ground state."""
    generator = np.random.default_rng(seed)
    electrons = generator.integers(1, 7, samples)
    frequency, field = generator.uniform(0.5, 1.5, (2, samples))
    spin = np.array([0, 1, 0, 1, 2, 1, 0])[electrons]
    table = {"shell": np.stack([electrons, frequency, field], axis=1), "spin": spin}
    parts = np.split(np.arange(samples), [int(0.8 * samples), int(0.9 * samples)])
    splits = [{name: values[rows] for name, values in table.items()} for rows in parts]
    return ArrayDataset(*splits, fields=FIELDS)


@dataclasses.dataclass(frozen=True)
class Bounded(Scaling):
    """Divide by the largest value."""

    largest: float = 1.0

    @classmethod
    def fit(cls, name, array, limits=None):
        return cls(name, float(np.abs(array).max()))

    def scale(self, xp, values):
        return values / self.largest

    def restore(self, xp, values):
        return values * self.largest
''',
    "src/keras_qd_shells/net.py": '''"""Dense layers, and a callback."""

import keras


def net(input_shape, output_shape, units=16, learning_rate=1e-2):
    """Return a classifier of tables."""
    layers = [
        keras.Input(input_shape),
        keras.layers.Dense(units, "relu"),
        keras.layers.Dense(output_shape[-1], "softmax", dtype="float32"),
    ]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.Adam(learning_rate), "categorical_crossentropy")
    return model


def notes(run, validation, history):
    """Write the number of each epoch to a file in the run."""

    def note(epoch, logs):
        with (run.path / "notes.txt").open("a") as file:
            file.write(f"{epoch}\\n")

    return keras.callbacks.LambdaCallback(on_epoch_end=note)
''',
    "src/keras_qd_shells/task.py": '''"""The task, made by a function."""

from keras_qd.tasks import Task


def task():
    """Return the task."""
    return Task(
        name="shells-to-spin",
        description="electrons in a parabola to their spin",
        dataset="shells",
        inputs="shell",
        targets="spin",
        model="shells-net",
        metrics=("accuracy", "cross-entropy"),
        scaling={"shell": "bounded", "spin": "one-hot"},
        epochs=20,
    )
''',
}
