"""A plug-in as pip leaves it: a data set with its own solver, a model and a task."""

import sys

import pytest

MODULE = '''
import dataclasses
from typing import ClassVar

import numpy as np

from keras_qd.data import Field, GeneratedDataset, Recipe


@dataclasses.dataclass(frozen=True, kw_only=True)
class Springs(Recipe):
    """Harmonic oscillators.

    Parameters
    ----------
    n_springs : int
        Springs in a sample. More is possible.
    stiffness : float
        Mean stiffness, in Ha*/a0*^2.
    """

    kind: ClassVar[str] = "springs"
    version: ClassVar[int] = 3
    identity: ClassVar[str] = "stiffness"

    n_springs: int = 4
    stiffness: float = 1.0

    @property
    def fields(self):
        return {
            "stiffness": Field((self.n_springs,), "Ha*/a0*^2", "of each spring", "float64"),
            "energy": Field((), "Ha*", "ground-state energy", "float64"),
        }

    def sample(self, generator):
        stiffness = self.stiffness * generator.uniform(0.5, 1.5, self.n_springs)
        return {"stiffness": stiffness, "energy": np.sqrt(stiffness).sum() / 2}

    @property
    def n_checked(self):
        return 2

    def label_errors(self, samples):
        return {"energy": np.full(len(samples["energy"]), 1e-9)}

    def solve_again(self, samples):
        return np.sqrt(samples["stiffness"]).sum(axis=1) / 2

    def solver_description(self):
        return f"square roots of {self.n_springs} numbers"


springs = GeneratedDataset(Springs, samples=30)


def misnamed():
    raise AssertionError


misnamed.recipe = Springs
'''
ENTRY_POINTS = """[keras_qd.datasets]
springs = springs_plugin:springs
misnamed = springs_plugin:misnamed

[keras_qd.models]
springs-net = springs_net:springs_net

[keras_qd.tasks]
springs-to-energy = springs_net:TASK
"""

#: Apart from the data set, whose module needs no Keras.
NET = """
import keras

from keras_qd.models import searches
from keras_qd.tasks import Task


@searches({"units": [4, 8]})
def springs_net(input_shape, output_shape, units=8, learning_rate=1e-2):
    layers = [
        keras.Input(input_shape),
        keras.layers.Flatten(),
        keras.layers.Dense(units, activation="gelu"),
        keras.layers.Dense(output_shape[-1]),
    ]
    model = keras.Sequential(layers, name="springs_net")
    model.compile(keras.optimizers.Adam(learning_rate), "mse")
    return model


TASK = Task(
    name="springs-to-energy",
    description="energy of springs from their stiffness",
    dataset="springs",
    inputs="stiffness",
    targets="energy",
    model="springs-net",
    metrics=("mae", "r2"),
    followed=("mae",),
    scaling={"stiffness": "standard", "energy": "standard"},
    epochs=2,
    batch_size=8,
)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A plug-in as pip leaves it: modules, and metadata beside them."""
    (tmp_path / "springs_plugin.py").write_text(MODULE)
    (tmp_path / "springs_net.py").write_text(NET)
    described = tmp_path / "springs_plugin-0.3.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: springs-plugin\nVersion: 0.3\n"
    )
    (described / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("KERAS_QD_CACHE", str(tmp_path / "cache"))
    yield tmp_path
    for name in ("springs_plugin", "springs_net"):
        sys.modules.pop(name, None)
