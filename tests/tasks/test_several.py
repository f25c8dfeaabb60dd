"""Maps and numbers in, maps and numbers out, through every step of a task."""

import re

import keras
import numpy as np
import pytest
from tests.command import whole_chain
from tests.several import FIELDS, make_dataset, make_dots, make_task

import keras_qd
from keras_qd.data import ArrayDataset, Field
from keras_qd.errors import DataError, UsageError
from keras_qd.export.formats import find_format
from keras_qd.report.report import sections
from keras_qd.report.sections import uncertainty_section
from keras_qd.tasks import Pipeline
from keras_qd.training.batches import Batches, ScaledRows, feed, training_batches

BACKEND = keras.config.backend()
#: Model -> settings that make it small.
SMALL = {
    "fno": {"width": 4, "modes": 2, "blocks": 1, "padding": 2},
    "pix2pix": {"filters": 2, "depth": 1, "discriminator_levels": 1, "average_decay": 0.9},
    "residual-unet": {"filters": 2, "levels": 1, "blocks": 1},
    "several-for-tests": {},
}
#: Where a backend compiles for longer than all else takes, these run with -m slow.
SLOW = ("fno", "residual-unet") if BACKEND == "jax" else ()
NAMED = ("potential", "electrons", "interaction")


def quiet(*progress):
    """Print nothing."""


def watched_task():
    """Return a task with all that a resumed training has to remember."""
    return make_task(
        epochs=3,
        monitor="energy_l1",
        augmentation="square-symmetries",
        model_config={"filters": 2, "depth": 2, "dropout": 0.5, "learning_rate": 1e-2},
    )


class Interrupt(keras.callbacks.Callback):
    """Stops the training when its third epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def data():
    """The data set."""
    return make_dataset()


@pytest.fixture(scope="module")
def run(tmp_path_factory, data):
    """A run with snapshots that was never interrupted."""
    path = tmp_path_factory.mktemp("several") / "run"
    return keras_qd.train(watched_task(), path, dataset=data, callbacks=["evolution"], report=quiet)


@pytest.fixture(scope="module")
def evaluation(run, data):
    """Its evaluation."""
    return keras_qd.evaluate(run, data=data, n_draws=10)


def test_losses_are_weighted_and_followed_by_target(run):
    history = run.history()
    for part in ("", "val_"):
        losses = (np.array(history[f"{part}{name}_loss"]) for name in ("density", "energy"))
        density, energy = losses
        np.testing.assert_allclose(history[f"{part}loss"], density + 0.1 * energy, rtol=1e-4)
    assert {"density_l1", "energy_r2", "val_density_ssim"} <= set(history)
    assert "val_energy_ssim" not in history


@whole_chain
def test_interrupted_and_resumed_it_is_the_same(run, data, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        keras_qd.train(
            watched_task(), tmp_path / "run", dataset=data, callbacks=[Interrupt()], report=quiet
        )
    again = keras_qd.resume(tmp_path / "run", dataset=data, report=quiet)
    for ours, theirs in zip(again.load_model().weights, run.load_model().weights, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (ours, theirs)))


def test_the_loaded_model_takes_and_gives_fields_by_name(run):
    dots = make_dots(5, 7)
    inputs = {name: dots[name] for name in NAMED}
    found = keras_qd.predict(run, inputs)
    assert {name: values.shape for name, values in found.items()} == {
        "density": (5, 16, 16),
        "energy": (5,),
    }
    model = keras_qd.load_model(run.model_path)
    tensors = {name: values.astype(np.float32) for name, values in inputs.items()}
    for name, values in model.predict(tensors, verbose=0).items():
        np.testing.assert_allclose(values, found[name], rtol=1e-5, atol=1e-6)
    inputs["electrons"] = 3.0 * inputs["electrons"]
    assert not np.allclose(keras_qd.predict(run, inputs)["density"], found["density"])
    assert not np.allclose(keras_qd.predict(run, inputs)["energy"], found["energy"])
    with pytest.raises(DataError, match="'interaction' is missing; given: potential, electrons"):
        keras_qd.predict(run, {name: dots[name] for name in NAMED[:2]})


def test_files_of_fields_are_predicted(run, tmp_path):
    dots = make_dots(3, 8)
    np.savez(tmp_path / "in.npz", **{name: dots[name] for name in NAMED})
    keras_qd.prediction.predict_file(run, tmp_path / "in.npz", tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as found:
        assert {name: values.shape for name, values in found.items()} == {
            "density": (3, 16, 16),
            "energy": (3,),
        }


def test_every_target_is_evaluated_by_the_metrics_that_it_suits(run, data, evaluation):
    found = {(score.field, score.metric) for score in evaluation.scores}
    assert found == {
        *(("density", name) for name in ("l1", "r2", "ssim")),
        *(("energy", name) for name in ("l1", "r2")),
    }
    assert evaluation.data["baseline"] == "mean"
    again = keras_qd.evaluate(run, data=data, n_draws=10, metrics=("ms-ssim", "mse"))
    assert again.score("mse", "energy").value > 0
    assert "energy_ms-ssim" not in again.samples
    with pytest.raises(UsageError, match="'accuracy' is defined for classes; the targets are dens"):
        keras_qd.evaluate(run, data=data, n_draws=10, metrics=("accuracy",))


@whole_chain
def test_the_spread_of_an_ensemble_is_compared_with_its_errors(run, data, tmp_path):
    other = keras_qd.train(make_task(), tmp_path / "other", dataset=data, report=quiet)
    found = keras_qd.evaluate([run, other], data=data, n_draws=10)
    assert set(found.uncertainty.fields) == {"density", "energy"}
    assert min(found.samples["density_spread"].min(), found.samples["energy_spread"].min()) > 0


def test_dropout_spreads_maps_alone(run, data):
    """It is in the decoder, which numbers do not pass."""
    found = keras_qd.evaluate(run, data=data, n_draws=10, dropout_draws=2, symmetries=8)
    assert found.samples["density_spread"].min() > 0
    assert found.samples["energy_spread"].max() < 1e-6
    (section,) = uncertainty_section(run)
    drawn = [each.name.partition("_dropout")[0] for each in section.figures]
    assert "reliability_density" in drawn


def test_the_report_draws_maps_and_names_numbers(run, evaluation):
    found = {section.title: section for section in sections(run, evaluation)}
    names = {title: [each.name for each in one.figures] for title, one in found.items()}
    assert names["Single systems"] == ["systems"]
    assert names["Line cuts"] == ["cuts_density"]
    assert names["Evolution"] == ["evolution_density"]
    assert {"errors_density", "errors_energy"} <= set(names["Errors"])
    assert "Above each row: electrons, interaction, energy." in found["Single systems"].text
    titles = [part.get_suptitle() for part in found["Single systems"].figures[0].draw().subfigs]
    assert len(titles) == 3
    assert all(re.search(r"electrons = \d; .*energy = .*, predicted .* Ha\*", it) for it in titles)


@pytest.mark.skipif(BACKEND != "torch", reason="the report is the same on every backend")
def test_a_vector_beside_a_map_does_not_hide_the_map(tmp_path):
    levels = Field((3,), "Ha*", "three levels", "float64", labels=("first", "second", "third"))
    splits = {
        name: {**made, "levels": made["energy"][:, None] + np.arange(3.0)}
        for name, made in (
            (each, make_dots(8, seed)) for seed, each in enumerate(("train", "validation", "test"))
        )
    }
    data = ArrayDataset(**splits, fields={**FIELDS, "levels": levels})
    task = make_task(targets=("density", "levels"), metrics=("l1",), loss_weights={}, scaling={})
    run = keras_qd.train(task, tmp_path / "run", dataset=data, report=quiet)
    found = sections(run, keras_qd.evaluate(run, data=data, n_draws=10))
    names = {section.title: [each.name for each in section.figures] for section in found}
    assert names["Single systems"] == ["systems"]
    assert names["Line cuts"] == ["cuts_density"]
    assert {"errors_density", "errors_levels"} <= set(names["Errors"])


@pytest.mark.skipif(BACKEND == "jax", reason="ONNX takes a minute through JAX")
def test_it_is_exported_with_named_ends(run, tmp_path):
    try:
        find_format("onnx").check(BACKEND)
    except UsageError as missing:
        pytest.skip(str(missing))
    exported = keras_qd.export_model(run, tmp_path / "out", "onnx")
    assert [port.name for port in exported.inputs] == list(NAMED)
    assert [port.name for port in exported.outputs] == ["density", "energy"]
    assert exported.difference < 1e-5


@pytest.mark.parametrize(
    "model",
    [pytest.param(each, marks=pytest.mark.slow if each in SLOW else ()) for each in SMALL],
)
def test_models_with_named_ends_learn_and_load(model, data, tmp_path):
    task = make_task(model=model, model_config=SMALL[model], metrics=("l1",))
    run = keras_qd.train(task, tmp_path / "run", dataset=data, report=quiet)
    found = keras_qd.predict(run, data.split("test"))
    assert {name: values.shape for name, values in found.items()} == {
        "density": (8, 16, 16),
        "energy": (8,),
    }


@pytest.mark.parametrize("model", ["unet", "residual-unet", "fno", "pix2pix"])
def test_other_shapes_of_named_ends_are_refused(model):
    shape = (16, 16, 1)
    for ends, message in (
        (({"a": (1,)}, shape), "needs maps on one grid"),
        (({"a": shape, "b": (8, 8, 1)}, shape), "needs maps on one grid"),
        (({"a": shape, "b": (9, 1)}, shape), r"got the shape \(9, 1\).*\(k,\) for numbers"),
        ((shape, {"energy": (1,)}), "needs maps on one grid"),
        ((shape, {"density": (8, 8, 1), "energy": (1,)}), "on different grids"),
    ):
        with pytest.raises(UsageError, match=message):
            keras_qd.build(model, input_shape=ends[0], output_shape=ends[1])


def test_another_grid_keeps_the_weights(run):
    model = run.load_model()
    larger = model.on_grid({"potential": (24, 24), "density": (24, 24), "energy": ()})
    inputs = {
        "potential": np.zeros((2, 24, 24), "float32"),
        "electrons": np.ones(2, "float32"),
        "interaction": np.ones(2, "float32"),
    }
    assert larger.predict_on_batch(inputs)["density"].shape == (2, 24, 24)
    for ours, theirs in zip(larger.weights, model.predictor.weights, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (ours, theirs)))


def test_a_split_larger_than_memory_is_read_by_rows(data):
    split = data.split("train")
    pipeline = Pipeline.fit(make_task(), split)
    scales = {"inputs": pipeline.scale_inputs, "targets": pipeline.scale_targets}
    parts = (
        ScaledRows({name: split[name] for name in getattr(pipeline, key)}, scale)
        for key, scale in scales.items()
    )
    x, y = next(iter(feed(Batches(*parts, batch_size=4, shuffle=False))))
    whole = pipeline.scale_inputs(split)
    assert (list(whole), set(y)) == (list(NAMED), {"density", "energy"})
    for name in NAMED:
        np.testing.assert_array_equal(np.asarray(x[name]), whole[name][:4])


@pytest.mark.skipif(BACKEND != "torch", reason="processes of torch share batches themselves")
def test_devices_share_batches_of_named_tensors(data):
    from keras_qd.training.devices.torch import Processes

    pipeline = Pipeline.fit(make_task(), data.split("train"))
    batches = training_batches(make_task(), pipeline, data.split("train"), 0, 0)
    x, y = Processes(2, rank=1).share(batches)[0]
    for part, whole in zip((x, y), batches[0], strict=True):
        assert all(np.array_equal(values, whole[name][1::2]) for name, values in part.items())
