"""The short way to build components by name."""

import sys

import pytest

import keras_qd
from keras_qd.errors import PluginError, UnknownNameError, UsageError


def test_unknown_setting_of_a_component_is_named_with_near_matches():
    @keras_qd.register("datasets", "tiny-for-test")
    def tiny(samples=3):
        return keras_qd.data.ArrayDataset(train={"x": [0.0] * samples})

    assert len(keras_qd.load("tiny-for-test", samples=5).split("train")["x"]) == 5
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
    assert {"Run", "Task", "Dataset", "solve_potentials"} <= set(keras_qd.__all__)
    assert keras_qd.Run is keras_qd.training.Run
    assert keras_qd.Task is keras_qd.tasks.Task
    assert keras_qd.Dataset is keras_qd.data.Dataset


def test_a_name_is_a_setting_like_any_other():
    assert keras_qd.build("digit-cnn", name="x").name == "x"
    keras_qd.register("models", "gap")(lambda input_shape, output_shape: None)
    with pytest.raises(UnknownNameError, match="setting of the model 'gap'"):
        keras_qd.build("gap", name="x")


@pytest.mark.parametrize("setting", ["optimizer", "loss", "metrics"])
def test_what_is_given_to_compile_is_refused_with_advice(setting):
    with pytest.raises(UsageError, match=f"compile it again.*or name the {setting} in a task"):
        keras_qd.build("digit-cnn", **{setting: "x"})


def test_a_model_of_ones_own_is_named_by_module_and_attribute(tmp_path, monkeypatch):
    source = "import keras\ndef net(input_shape, output_shape): return keras.Sequential(name='own')"
    (tmp_path / "own_net.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert keras_qd.build("own_net:net", input_shape=(2,), output_shape=(1,)).name == "own"
    with pytest.raises(PluginError, match="'own_net:nett' cannot be imported: AttributeError"):
        keras_qd.build("own_net:nett")
    with pytest.raises(PluginError, match="'no_net:net' cannot be imported: ModuleNotFoundError"):
        keras_qd.build("no_net:net")
