"""The components follow the rules of keras-qd, and the solver is exact."""

import numpy as np
import pytest
from keras_qd_rings.solver import solve

from keras_qd import testing

SHAPES = {
    "input_shape": {"potential": (16, 1), "field": (1,)},
    "output_shape": {"density": (16, 1), "energy": (1,)},
}


def test_the_energy_of_an_empty_ring():
    fields = np.array([0.0, 0.2, 0.6])
    energies, densities = solve(np.zeros((3, 32)), fields, radius=2.0)
    flux = 2.0 * fields
    assert energies == pytest.approx([min((n - f) ** 2 for n in range(3)) / 8 for f in flux])
    assert densities == pytest.approx(1 / (4 * np.pi))


def test_dataset():
    testing.check_dataset("rings", config={"samples": 20, "workers": 1})


def test_family():
    assert testing.check_potential_family("rings") == ("omega", "radius")


def test_metric():
    generator = np.random.default_rng(0)
    reference = generator.uniform(0.5, 1.5, (6, 16))
    testing.check_metric("ring-moment-error", reference=reference, prediction=reference + 0.1)


def test_model():
    testing.check_model("ring-net", **SHAPES, config={"filters": 4, "layers": 1})


def test_task():
    changes = {"dataset_config": {"samples": 40, "workers": 1}, "model_config": {"filters": 4}}
    testing.check_task("rings-to-density-and-energy", changes=changes)
