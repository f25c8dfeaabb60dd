"""A task is a frozen set of settings that can be varied, written down and read again."""

import json
import sys
from collections.abc import Mapping

import keras
import pytest
from tests.several import make_dataset, make_table_task, make_task

import keras_qd
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.tasks import Pipeline, Task

PARTS = {"name": "mine", "dataset": "dots", "inputs": "v", "targets": "n", "model": "net"}


def test_one_name_stands_for_a_sequence_of_one():
    task = Task(**PARTS)
    assert task.inputs == ("v",)
    assert task.targets == ("n",)


def test_configuration_survives_json():
    task = Task(**PARTS, metrics=["l1"], model_config={"filters": 4}, scaling={"v": "standard"})
    again = Task.from_config(json.loads(json.dumps(task.to_config())))
    assert again.to_config() == task.to_config()


def test_replace_merges_settings_of_the_same_component():
    task = Task(**PARTS, model_config={"filters": 4, "depth": 2})
    assert task.replace(model_config={"depth": 3}).model_config == {"filters": 4, "depth": 3}
    assert task.model_config == {"filters": 4, "depth": 2}


def test_another_model_takes_none_of_the_old_ones_settings():
    task = Task(**PARTS, model_config={"filters": 4}, dataset_config={"samples": 9})
    other = task.replace(model="other", model_config={"units": 3})
    assert other.model_config == {"units": 3}
    assert other.dataset_config == {"samples": 9}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": ()}, "at least one input"),
        ({"epochs": 0}, "task 'mine': epochs=0: expected a whole number"),
        ({"batch_size": 2.5}, "task 'mine': batch_size=2.5"),
        ({"epochs": True}, "task 'mine': epochs=True"),
        ({"scaling": {"w": "standard"}}, "scales w, but uses only v, n"),
    ],
)
def test_settings_that_make_no_sense(changes, message):
    with pytest.raises(UsageError, match=message):
        Task(**{**PARTS, **changes})


def test_unknown_setting():
    with pytest.raises(UnknownNameError, match="did you mean 'epochs'"):
        Task(**PARTS).replace(epoch=2)


@pytest.mark.parametrize("name", keras_qd.names("tasks"))
def test_every_registered_task_is_named_as_registered(name):
    task = keras_qd.task(name)
    assert task.name == name
    assert task.description
    assert task.dataset in keras_qd.names("datasets")
    assert task.model in keras_qd.names("models")
    metrics = task.metrics if isinstance(task.metrics, Mapping) else {"": task.metrics}
    assert {name for each in metrics.values() for name in each} <= set(keras_qd.names("metrics"))


@pytest.mark.parametrize(
    "optimizer", ["sgd", {"class_name": "adadelta", "config": {"learning_rate": 0.5}}]
)
def test_the_optimizer_may_have_settings(optimizer):
    task = Task(**{**PARTS, "model": "unet"}, optimizer=optimizer)
    again = Task.from_config(json.loads(json.dumps(task.to_config())))
    small = again.replace(model_config={"filters": 2, "depth": 1})
    built = small.build_model((4, 4, 1), (4, 4, 1)).optimizer
    assert type(built).__name__ == ("SGD" if optimizer == "sgd" else "Adadelta")
    assert float(built.learning_rate) == pytest.approx(0.01 if optimizer == "sgd" else 0.5)


@pytest.mark.parametrize(
    "optimizer", ["adamm", {"name": "adam"}, {"class_name": "adam", "config": {"lr": 1}}]
)
def test_no_such_optimizer(optimizer):
    task = Task(**{**PARTS, "model": "unet", "model_config": {"filters": 2}}, optimizer=optimizer)
    with pytest.raises(UsageError, match="is not one of Keras'; give a name"):
        task.build_model((4, 4, 1), (4, 4, 1))


def test_another_model_brings_its_own_optimizer():
    task = Task(**PARTS, optimizer="sgd")
    assert task.replace(epochs=3).optimizer == "sgd"
    assert task.replace(model="other").optimizer is None
    assert task.replace(model="other", optimizer="adam").optimizer == "adam"


def test_another_model_starts_with_the_settings_that_the_task_has_for_it():
    task = Task(**PARTS, other_models={"other": {"filters": 3}})
    again = Task.from_config(json.loads(json.dumps(task.to_config())))
    assert again.replace(model="other", model_config={"depth": 1}).model_config == {
        "filters": 3,
        "depth": 1,
    }
    assert again.replace(model="third").model_config == {}
    maps = keras_qd.task("potential-to-density", model="pix2pix")
    assert maps.model_config["optimizer"] == "muon"


def test_other_targets_drop_what_was_set_for_the_old_ones():
    task = keras_qd.task("potential-to-density", targets="energy")
    assert task.scaling == {"potential": "centered-standard", "energy": "standard"}
    several = Task(
        **{**PARTS, "targets": ("n", "e")},
        loss={"n": "mae", "e": "mse"},
        loss_weights={"e": 2.0},
        metrics={"n": "ssim", "e": ("mae", "r2")},
        scaling={"v": "standard", "n": "max", "e": "log"},
    )
    assert several.metric_names == ("ssim", "mae", "r2")
    again = Task.from_config(json.loads(json.dumps(several.to_config())))
    assert again.to_config() == several.to_config()
    other = several.replace(targets=("e", "k"), scaling={"k": "max"})
    assert (other.loss, other.loss_weights) == ({"e": "mse"}, {"e": 2.0})
    assert other.metrics == {"e": ("mae", "r2")}
    assert other.scaling == {"v": "standard", "e": "log", "k": "max"}
    assert several.replace(inputs="w").scaling == {"w": "standard", "n": "max", "e": "log"}


def test_metrics_go_to_the_targets_that_they_suit():
    task = make_task(metrics=("ssim", "l1"), followed={"energy": "mse"})
    pipeline = Pipeline.fit(task, make_dataset().split("train"))
    assert task.metrics_of(pipeline) == {"density": ("ssim", "l1"), "energy": ("l1",)}
    assert task.followed_by(pipeline) == {"density": (), "energy": ("mse",)}
    assert task.monitored(pipeline) == "energy_mse"
    assert task.replace(followed="l1", monitor="l1").monitored(pipeline) == "density_l1"
    alone = make_task(metrics="ssim").metrics_of(pipeline)
    assert alone == {"density": ("ssim",), "energy": ("l1", "l2", "linf", "r2")}


def test_a_metric_that_suits_no_target_is_left_out_with_a_warning(tmp_path, caplog):
    task = make_table_task(metrics=("accuracy", "ssim"), followed="accuracy", epochs=1)
    keras_qd.train(task, tmp_path / "run", report=lambda *progress: None)
    assert "left out ssim: not defined for kind" in caplog.text


@pytest.mark.parametrize(
    ("shape", "outputs", "found"),
    [
        ((5,), lambda each: each, r"shape \(3,\)"),
        ({"a": (5,), "b": (2, 2)}, lambda each: each, r"shape \(3,\)"),
        (
            {"a": (3,), "b": (5,)},
            lambda each: {"a": each, "b": each},
            r"a of .*, b of shape \(3,\)",
        ),
        ((5,), lambda each: [each, each], "a list"),
    ],
)
def test_a_model_that_returns_another_shape_is_refused(shape, outputs, found):
    @keras_qd.register("models", "stubborn")
    def stubborn(input_shape, output_shape):
        inputs = keras.Input(input_shape)
        model = keras.Model(inputs, outputs(keras.layers.Dense(3)(inputs)))
        model.compile("adam", "mse")
        return model

    task = Task(**{**PARTS, "model": "stubborn"})
    with pytest.raises(UsageError, match=f"'stubborn' returns {found}.*of task 'mine' need .*5"):
        task.build_model((4,), shape)


def test_the_model_may_be_named_by_module_and_attribute(tmp_path, monkeypatch):
    (tmp_path / "own_dense.py").write_text("from tests.several import dense as net\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    task = make_table_task(model="own_dense:net", epochs=1)
    run = keras_qd.train(task, tmp_path / "run", report=lambda *progress: None)
    assert keras_qd.load_model(run).network.count_params() == 59


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss_weights": {"w": 1.0}}, "names loss_weights of w, but uses only n"),
        ({"metrics": {"w": "l1"}, "followed": ()}, "names metrics of w, but uses only n"),
    ],
)
def test_settings_by_target_name_targets(changes, message):
    with pytest.raises(UsageError, match=message):
        Task(**{**PARTS, **changes})


def test_one_tensor_has_one_loss():
    task = Task(**{**PARTS, "model": "unet", "model_config": {"filters": 2}})
    weighted = task.replace(loss_weights={"n": 2.0})
    with pytest.raises(UsageError, match="are one tensor, which has one loss"):
        weighted.build_model((4, 4, 1), (4, 4, 1))
    assert task.replace(loss={"n": "mse"}).build_model((4, 4, 1), (4, 4, 1)).loss == "mse"
