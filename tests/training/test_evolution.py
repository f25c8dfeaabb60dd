"""Snapshots of an ongoing training: right, thinned, and the same after a kill and a resume."""

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import DataError, UnknownNameError
from keras_qd.training.snapshots import read_snapshots, snapshot_epochs

from .conftest import make_dataset, make_task


class Interrupt(keras.callbacks.Callback):
    """Stops the training in the middle of its third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        self.armed = epoch == 2

    def on_train_batch_end(self, batch, logs=None):
        if self.armed and batch == 1:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("evolution") / "whole"
    return keras_qd.train(make_task(), path, dataset=make_dataset(), callbacks=["evolution"])


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


def test_watching_changes_nothing(whole, tmp_path):
    plain = keras_qd.train(make_task(), tmp_path / "plain", dataset=make_dataset())
    assert read_snapshots(plain) is None
    for one, other in zip(plain.load_model().weights, whole.load_model().weights, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (one.value, other.value)))


def test_interrupted_and_resumed_it_is_the_same(whole, tmp_path):
    path = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        keras_qd.train(
            make_task(), path, dataset=make_dataset(), callbacks=["evolution", Interrupt()]
        )
    assert sorted(read_snapshots(keras_qd.training.Run.open(path)).predictions) == [1, 2]
    cut = keras_qd.resume(path, dataset=make_dataset())
    one, other = read_snapshots(cut), read_snapshots(whole)
    assert sorted(one.predictions) == sorted(other.predictions)
    for epoch in one.predictions:
        np.testing.assert_array_equal(
            *(each.predictions[epoch]["density"] for each in (one, other))
        )


@pytest.mark.parametrize("epochs", [1, 7, 24, 25, 50, 400, 10_000])
def test_snapshots_are_thinned(epochs):
    kept = snapshot_epochs(epochs)
    assert {1, epochs} <= kept
    assert len(kept) == min(epochs, 24)
    assert max(kept) == epochs


def test_a_broken_snapshot_is_told(whole):
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
