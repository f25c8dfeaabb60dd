"""What a family drew is stored with each potential."""

import numpy as np
import pytest

from keras_qd.data import QuantumDots, Wells, generate
from keras_qd.data.store.store import Store


@pytest.mark.parametrize(
    ("recipe", "name", "low", "high"),
    [
        (
            QuantumDots(
                n_pixels=32,
                n_orbitals=6,
                family="parabolic",
                family_settings={"omega": (0.5, 1.0)},
            ),
            "omega",
            0.5,
            1.0,
        ),
        (Wells(), "offset", 0.06, 0.94),
    ],
)
def test_drawn_parameters_are_stored_by_name(recipe, name, low, high, tmp_path):
    store = generate(tmp_path / "set.zarr", recipe, 4, workers=1)
    labels = store.fields["parameters"].labels
    values = store.read("parameters")[:, labels.index(name)]
    assert ((values >= low) & (values <= high)).all()
    assert len(set(values)) == 4


def test_a_mixture_leaves_open_what_the_other_families_have(tmp_path):
    recipe = QuantumDots(n_pixels=48, n_orbitals=6, family="random-mixture", seed=1)
    generate(tmp_path / "set.zarr", recipe, 3, workers=1)
    store = Store(tmp_path / "set.zarr")
    values, labels = store.read("parameters"), store.fields["parameters"].labels
    assert np.isnan(values).any(axis=1).all()
    assert np.isfinite(values[:, labels.index("component")]).all()
