"""What fit is given: the same batches, untuned on TensorFlow."""

import keras
import numpy as np
import pytest

from keras_qd.datasets import Batches, FollowEpochs, feed

RANDOM = np.random.default_rng(4)
X, Y = RANDOM.random((2, 11, 4, 4, 1)).astype("float32")

on_tensorflow = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="of TensorFlow alone"
)


def trained_weights(prepare, **settings):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Conv2D(2, 3, padding="same")])
    model.build((None, 4, 4, 1))
    model.compile(keras.optimizers.SGD(0.05), "mse")
    batches = Batches(X, Y, 4, augmentation="square-symmetries", **settings)
    follow = FollowEpochs(batches)
    fed = prepare(batches)
    model.fit(fed, shuffle=False, callbacks=[follow], epochs=3, verbose=0, validation_data=fed)
    return model.get_weights()


@pytest.mark.parametrize("drop_remainder", [True, False])
def test_a_model_learns_the_same_from_what_it_is_fed(drop_remainder):
    settings = {"shuffle": True, "drop_remainder": drop_remainder}
    expected = trained_weights(lambda batches: batches, **settings)
    for found, wanted in zip(trained_weights(feed, **settings), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@on_tensorflow
def test_it_follows_the_epochs_and_is_not_tuned():
    batches = Batches(X, Y, 4, shuffle=True, drop_remainder=False)
    fed = feed(batches)
    assert len(fed) == 3
    assert fed.options().autotune.enabled is False
    for epoch in (0, 1):
        batches.epoch = epoch
        for number, found in enumerate(fed):
            for one, other in zip(found, batches[number], strict=True):
                np.testing.assert_array_equal(one.numpy(), other)


@pytest.mark.skipif(keras.config.backend() == "tensorflow", reason="of the other backends")
def test_other_backends_take_the_batches_themselves():
    batches = Batches(X, Y, 4, shuffle=True)
    assert feed(batches) is batches
