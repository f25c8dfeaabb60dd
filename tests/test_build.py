"""The short way to build components by name."""

import pytest

import keras_qd
from keras_qd.errors import UnknownNameError


def test_unknown_setting_of_a_component_is_named_with_near_matches():
    @keras_qd.register("datasets", "tiny-for-test")
    def tiny(samples=3):
        return samples

    assert keras_qd.load("tiny-for-test", samples=5) == 5
    with pytest.raises(UnknownNameError, match=r"setting of the data set.*did you mean 'samples'"):
        keras_qd.load("tiny-for-test", sample=5)


def test_unknown_task_and_unknown_field_of_a_task():
    with pytest.raises(UnknownNameError, match="did you mean 'potential-to-density'"):
        keras_qd.task("potential-to-densty")
    with pytest.raises(UnknownNameError, match="did you mean 'epochs'"):
        keras_qd.task("potential-to-density", epoch=3)


def test_public_names_exist():
    for name in keras_qd.__all__:
        assert getattr(keras_qd, name) is not None
