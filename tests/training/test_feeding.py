"""What fit is given: the same batches, untuned on TensorFlow."""

import keras
import numpy as np
import pytest

from keras_qd.training import Batches, FollowEpochs, feed

RANDOM = np.random.default_rng(4)
X, Y = RANDOM.random((2, 11, 4, 4, 1)).astype("float32")


def arrays(fed):
    """Return what is fed in an epoch, batch by batch, as arrays."""
    if isinstance(fed, Batches):
        return [fed[index] for index in range(len(fed))]
    return list(fed.as_numpy_iterator())


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


@pytest.mark.parametrize("epoch", [0, 1])
def test_it_gives_the_batches_of_the_epoch(epoch):
    batches = Batches(X, Y, 4, shuffle=True, drop_remainder=False)
    fed = feed(batches)
    batches.epoch = epoch
    expected = Batches(X, Y, 4, shuffle=True, drop_remainder=False, first_epoch=epoch)
    assert len(fed) == len(arrays(fed)) == 3
    for number, found in enumerate(arrays(fed)):
        for one, other in zip(found, expected[number], strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="tf.data feeds TensorFlow alone")
def test_no_thread_tunes_it():
    assert feed(Batches(X, Y, 4, shuffle=True)).options().autotune.enabled is False
