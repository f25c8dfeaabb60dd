"""Snapshots of an ongoing training: correct, and thinned. Resuming is tested with the fit."""

import numpy as np
import pytest

import keras_qd
from keras_qd.errors import DataError, UnknownNameError
from keras_qd.training.snapshots import read_snapshots, snapshot_epochs

from .conftest import make_dataset, make_task


def test_the_last_snapshot_is_what_the_model_predicts(whole):
    found = read_snapshots(whole)
    validation = make_dataset().split("validation")
    assert sorted(found.predictions) == [1, 2, 3]
    np.testing.assert_array_equal(found.indices, [0, 2, 4, 7])
    rows = found.indices
    np.testing.assert_array_equal(found.inputs["potential"], validation["potential"][rows])
    np.testing.assert_array_equal(found.targets["density"], validation["density"][rows])
    expected = keras_qd.predict(whole, found.inputs)["density"]
    np.testing.assert_allclose(found.predictions[3]["density"], expected, rtol=1e-4, atol=1e-5)
    assert np.abs(found.predictions[1]["density"] - expected).max() > 1e-3


@pytest.mark.parametrize("epochs", [1, 7, 24, 25, 50, 400, 10_000])
def test_snapshots_are_thinned(epochs):
    kept = snapshot_epochs(epochs)
    assert {1, epochs} <= kept
    assert len(kept) == min(epochs, 24)
    assert max(kept) == epochs


def test_a_broken_snapshot_is_named(whole):
    path = whole.path / "evolution" / "epoch-00002.npz"
    content = path.read_bytes()
    path.write_bytes(content[:50])
    with pytest.raises(DataError, match="epoch-00002"):
        read_snapshots(whole)
    path.write_bytes(content)


def test_unknown_callbacks_are_refused_before_anything_is_made(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'evolution'"):
        keras_qd.train(
            make_task(), tmp_path / "run", dataset=make_dataset(), callbacks=["evolutio"]
        )
    assert not (tmp_path / "run").exists()
