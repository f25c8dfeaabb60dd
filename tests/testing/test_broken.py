"""Components that are wrong in one way each, and what the checks say of them."""

import dataclasses
import sys
from typing import ClassVar

import keras
import numpy as np
import pytest

import keras_qd
from keras_qd import testing
from keras_qd.data import ArrayDataset, Field
from keras_qd.errors import ConformanceError, UsageError
from keras_qd.metrics import FieldMetric
from keras_qd.physics import Parameter, PotentialFamily
from keras_qd.physics.line.potentials import GaussianWellsLine
from keras_qd.registry import KINDS, components
from keras_qd.tasks import Task
from keras_qd.testing import findings as backends
from keras_qd.testing.findings import Findings

RUNNING = keras.config.backend()


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Forget after each test what it has registered: other tests list what there is."""
    for kind in KINDS:
        monkeypatch.setattr(components(kind), "_registered", dict(components(kind)._registered))


def dense(input_shape=(6, 1), output_shape=None, units=1, seed=None, compiled=True, layers=()):
    """A sound model, with a few things to spoil it by."""
    model = keras.Sequential(
        [
            keras.Input(input_shape),
            *layers,
            keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotNormal(seed)),
        ]
    )
    if compiled:
        model.compile("adam", "mse")
    return model


@keras.saving.register_keras_serializable(package="broken")
class Restless(keras.Sequential):
    """Trains on noise that no seed governs."""

    def fit(self, x, y, **settings):
        return super().fit(x + np.random.default_rng().normal(size=x.shape), y, **settings)


@keras.saving.register_keras_serializable(package="broken")
class Centred(keras.layers.Layer):
    """Takes the mean over the batch away, also outside training."""

    def call(self, x):
        return x - keras.ops.mean(x, axis=0, keepdims=True)


@keras.saving.register_keras_serializable(package="broken")
class Noisy(keras.layers.Layer):
    """Adds noise, also outside training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, x):
        return x + keras.random.normal((1,), seed=self.seed_generator)


@keras.saving.register_keras_serializable(package="broken")
class Forgetful(keras.layers.Layer):
    """Has a setting that its configuration lacks."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def get_config(self):
        return {"name": self.name}

    def call(self, x):
        return self.factor * x


@keras.saving.register_keras_serializable(package="broken")
class Undefined(keras.layers.Layer):
    """Takes the logarithm of anything."""

    def call(self, x):
        return keras.ops.log(x)


def frozen(**shapes):
    model = dense(**shapes)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model


def restless(input_shape, output_shape):
    model = Restless([keras.Input(input_shape), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def half(input_shape, output_shape):
    layers = [keras.Input(input_shape), keras.layers.Dense(1, dtype="float16")]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    return model


def without_shapes(units=1):
    return dense(units=units)


BROKEN_MODELS = {
    "without-shapes": (without_shapes, "does not take input_shape and output_shape"),
    "no-model": (lambda input_shape, output_shape: 3, "is a int; it must return a keras.Model"),
    "wrong-shape": (lambda **kwargs: dense(units=2, **kwargs), "has shape .4, 6, 2., expected"),
    "not-compiled": (lambda **kwargs: dense(compiled=False, **kwargs), "without loss or opt"),
    "fixed-seed": (lambda **kwargs: dense(seed=3, **kwargs), "same weights whatever the seed"),
    "frozen": (frozen, "training leaves all its weights as they were"),
    "restless": (restless, "from the same state with the same seed, training leads to other"),
    "noisy": (lambda **kwargs: dense(layers=[Noisy()], **kwargs), "another output for the same"),
    "centred": (lambda **kwargs: dense(layers=[Centred()], **kwargs), "depends on the others in"),
    "undefined": (lambda **kwargs: dense(layers=[Undefined()], **kwargs), "output holds NaN"),
    "forgetful": (
        lambda **kwargs: dense(layers=[Forgetful(factor=2.0)], **kwargs),
        "after saving and loading, it predicts something else",
    ),
    "half": (half, "its output is float16"),
}


#: JAX compiles each of them for longer than all else takes: there most run with -m slow.
QUICK_MODELS = ("no-model", "wrong-shape", "without-shapes") if RUNNING == "jax" else BROKEN_MODELS


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK_MODELS else pytest.param(name, marks=pytest.mark.slow)
        for name in BROKEN_MODELS
    ],
)
def test_models(name):
    component, message = BROKEN_MODELS[name]
    keras_qd.register("models", f"broken-{name}")(component)
    check = {"input_shape": (6, 1), "backends": ()}
    with pytest.raises(ConformanceError, match=message):
        testing.check_model(f"broken-{name}", **check)


def test_a_sound_model():
    keras_qd.register("models", "sound")(dense)
    testing.check_model("sound", input_shape=(6, 1), backends=())


def test_a_name_that_nobody_has_registered():
    with pytest.raises(ConformanceError, match="UnknownNameError: unknown model 'no-such-net'"):
        testing.check_model("no-such-net")


class MeanOfBatches(keras.metrics.Metric):
    """The mean of the means of batches, which is not that of the samples."""

    def __init__(self, name="broken-batches", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(self.of_batch(y_true, y_pred))
        self.count.assign_add(1.0)

    def of_batch(self, y_true, y_pred):
        error = keras.ops.cast(y_true, "float32") - keras.ops.cast(y_pred, "float32")
        return keras.ops.mean(keras.ops.abs(error))

    def result(self):
        return self.total / self.count


class Largest(MeanOfBatches):
    """A sound metric but for what is spoilt: the largest error."""

    def __init__(self, name="broken-largest", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true, y_pred, sample_weight=None):
        error = keras.ops.cast(y_true, "float32") - keras.ops.cast(y_pred, "float32")
        largest = keras.ops.max(keras.ops.abs(error))
        self.total.assign(keras.ops.maximum(self.total, largest))

    def result(self):
        return keras.ops.copy(self.total)


@keras.saving.register_keras_serializable(package="broken")
class Misnamed(Largest):
    def __init__(self, name="other", dtype=None):
        super().__init__(name=name, dtype=dtype)


@keras.saving.register_keras_serializable(package="broken")
class Undying(Largest):
    """Keeps its state when it is reset."""

    def __init__(self, name="broken-undying", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.seen = 0

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen += 1
        super().update_state(y_true, y_pred)

    def result(self):
        return keras.ops.copy(self.total) + float(self.seen > 2)


@keras.saving.register_keras_serializable(package="broken")
class Vector(Largest):
    def __init__(self, name="broken-vector", dtype=None):
        super().__init__(name=name, dtype=dtype)

    def result(self):
        return keras.ops.reshape(super().result(), (1,))


BROKEN_METRICS = {
    "broken-batches": (MeanOfBatches, "in batches of 2 and 3 its value is"),
    "broken-misnamed": (Misnamed, "its name is 'other'"),
    "broken-undying": (Undying, "after reset_state and the same samples again|in batches of 1"),
    "broken-vector": (Vector, r"its result has shape \(1,\)"),
    "broken-largest": (Largest, "making it again from its configuration raises"),
    "broken-metric": (lambda: 3, "return a keras.metrics.Metric"),
}


@pytest.mark.filterwarnings("ignore:Conversion of an array with ndim > 0:DeprecationWarning")
@pytest.mark.parametrize("name", BROKEN_METRICS)
def test_metrics(name):
    component, message = BROKEN_METRICS[name]
    keras_qd.register("metrics", name)(component)
    with pytest.raises(ConformanceError, match=message):
        testing.check_metric(name, backends=())


def test_a_metric_that_accepts_batches_though_it_does_not_stream():
    largest = Largest("broken-refusal")
    largest.streams = False
    keras_qd.register("metrics", "broken-refusal")(lambda: largest)
    with pytest.raises(ConformanceError, match="accepts batches, though its streams is false"):
        testing.check_metric("broken-refusal", backends=())


class Relative(FieldMetric):
    """Undefined for a field that is zero, and refused for one that is negative."""

    default_name, title = "broken-relative", "Relative error"

    def values(self, xp, y, p):
        return xp.max(xp.abs(p - y), axis=1) / xp.max(xp.abs(y), axis=1)

    def update_state(self, y_true, y_pred, sample_weight=None):
        if keras.ops.convert_to_numpy(y_true).min() < 0:
            raise ValueError("a negative field")
        super().update_state(y_true, y_pred, sample_weight)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.0, r"its value is (nan|inf) for ordinary .* \(first in sample 3\)"),
        (-1.0, r"raises ValueError: a negative field \(first in sample 3\)"),
    ],
)
def test_a_check_of_a_metric_names_the_sample_where_it_fails(value, message):
    keras_qd.register("metrics", "broken-relative")(Relative)
    reference = np.ones((5, 4))
    reference[3] = value
    with pytest.raises(ConformanceError, match=message):
        testing.check_metric(
            "broken-relative", reference=reference, prediction=reference + 0.1, backends=()
        )


def test_a_metric_is_tried_on_both_arrays():
    with pytest.raises(UsageError, match="both reference and prediction"):
        testing.check_metric("l1", reference=np.zeros((4, 2)))


def arrays(seed=0, counts=(8, 2, 4), shape=(3,)):
    generator = np.random.default_rng(seed)
    names = ("train", "validation", "test")
    return {
        split: {"v": generator.normal(size=(count, *shape)), "e": generator.normal(size=count)}
        for split, count in zip(names, counts, strict=True)
    }


def sound(seed=0):
    return ArrayDataset(**arrays(seed))


def leaking(seed=0):
    splits = arrays(seed)
    splits["test"] = {name: values[:4] for name, values in splits["train"].items()}
    return ArrayDataset(**splits)


def out_of_limits():
    fields = {"v": Field((3,), dtype="float64", limits=(0, 1))}
    return ArrayDataset(**arrays(), fields=fields)


def wrongly_typed():
    return ArrayDataset(**arrays(), fields={"v": Field((3,), dtype="float32")})


class Endless(ArrayDataset):
    """Gives the test split whatever the name."""

    def split(self, name):
        return super().split(name if name in ("train", "validation") else "test")


class Bare(ArrayDataset):
    """Tells nothing of where it comes from."""

    metadata = {"made": "by hand"}  # noqa: RUF012 - wrong on purpose


BROKEN_DATASETS = {
    "leaking": (leaking, "4 samples are in the train and in the test split"),
    "seedless": (lambda seed=0: sound(7), "another seed leaves values or digest as they were"),
    "unrepeatable": (
        lambda: sound(np.random.SeedSequence().entropy),
        "loaded again with the same settings it holds other values",
    ),
    "limits": (out_of_limits, "v of the train split goes from"),
    "dtype": (wrongly_typed, "v of the train split is float64, described as float32"),
    "no-test": (lambda: ArrayDataset(train=arrays()["train"]), "the test split is empty"),
    "endless": (lambda: Endless(**arrays()), "it has a split called 'no-such-split'"),
    "bare": (lambda: Bare(**arrays()), "its metadata have no digest"),
    "dictionary": (lambda: arrays(), r"is a dict; it must return a keras_qd\.data\.Dataset"),
}


def test_a_sound_dataset():
    keras_qd.register("datasets", "sound")(sound)
    testing.check_dataset("sound")


@pytest.mark.parametrize("name", BROKEN_DATASETS)
def test_datasets(name):
    component, message = BROKEN_DATASETS[name]
    keras_qd.register("datasets", f"broken-{name}")(component)
    with pytest.raises(ConformanceError, match=message):
        testing.check_dataset(f"broken-{name}")


PARTS = {
    "description": "three numbers to one",
    "dataset": "sound",
    "inputs": "v",
    "targets": "e",
    "model": "energy-cnn",
    "metrics": "l1",
}
BROKEN_TASKS = {
    "misnamed": ({"name": "other"}, "its name is 'other'"),
    "mute": ({"description": ""}, "it has no description"),
    "no-metric": ({"metrics": ("l1", "l99")}, "it names the metric 'l99', which nobody"),
    "no-field": ({"inputs": "w"}, "fitting its scalings raises DataError"),
    "no-scaling": ({"scaling": {"e": "one-hot"}}, "fitting its scalings raises"),
    "unfit": ({}, "building its model raises UsageError"),  # three points are too few for it
}


@pytest.mark.parametrize("name", BROKEN_TASKS)
def test_tasks(name):
    changes, message = BROKEN_TASKS[name]
    keras_qd.register("datasets", "sound")(sound)
    task = Task(**{"name": f"broken-{name}", **PARTS, **changes})
    keras_qd.register("tasks", f"broken-{name}")(task)
    with pytest.raises(ConformanceError, match=message):
        testing.check_task(f"broken-{name}", backends=())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family(PotentialFamily):
    """A sound family, to be spoilt: a slope of random strength."""

    name: ClassVar[str] = "slope"
    strength: float = 1.0

    @property
    def parameters(self):
        return (Parameter("slope", (-self.strength, self.strength)),)

    def values(self, drawn, box, n_pixels):
        return drawn["slope"] * box.mesh(n_pixels)[0]


class ByGrid(Family):
    def values(self, drawn, box, n_pixels):
        return np.random.default_rng(0).normal(size=(n_pixels, n_pixels)) * drawn["slope"]


class OfItsOwn(Family):
    def draw(self, generator):
        return super().draw(np.random.default_rng())


class Constant(Family):
    def draw(self, generator):
        return super().draw(np.random.default_rng(1))


class Undrawn(Family):
    def draw(self, generator):
        return {}


class Single(Family):
    def values(self, drawn, box, n_pixels):
        return super().values(drawn, box, n_pixels).astype("float32")


class Infinite(Family):
    def values(self, drawn, box, n_pixels):
        return super().values(drawn, box, n_pixels) + np.inf


class WrongEnergies(Family):
    energies: ClassVar[tuple[str, ...]] = ("depth",)


class Nameless(Family):
    name: ClassVar[str] = "My Slope"


class Secretive(Family):
    def configuration(self):
        return {"strength": {self.strength}}


class Idle(Family):
    @property
    def parameters(self):
        return (*super().parameters, Parameter("width", (1.0, 2.0)))


class Steep(Family):
    def values(self, drawn, box, n_pixels):
        with np.errstate(divide="ignore"):
            return super().values(drawn, box, n_pixels) + np.log(1.0 + drawn["slope"])


def test_a_check_of_a_family_returns_what_a_device_can_be_set_to():
    assert testing.check_potential_family(Family()) == ("slope",)
    assert testing.check_potential_family("parabolic", ratio=1.0, angle=0.0)[0] == "omega"
    assert testing.check_potential_family("random-mixture") == ()
    assert testing.check_potential_family(GaussianWellsLine()) == ()


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (ByGrid, "on another grid the same parameters give another potential"),
        (OfItsOwn, "gives another potential the second time"),
        (Constant, "two random generators give the same potential"),
        (Undrawn, "a sample has no parameters, and its parameters are slope"),
        (Single, r"a sample is float32 of shape \(16, 16\), expected float64"),
        (Infinite, "a sample holds NaN or infinity"),
        (WrongEnergies, "its energies name depth"),
        (Nameless, "its name is 'My Slope'"),
        (Secretive, "its configuration holds what JSON cannot"),
        (Idle, "the potential does not depend on width"),
        (Steep, "with slope at one of its bounds the potential is not finite"),
    ],
)
def test_potential_families(family, message):
    with pytest.raises(ConformanceError, match=message):
        testing.check_potential_family(family())


def test_the_class_instead_of_a_family():
    with pytest.raises(ConformanceError, match="give an object, not the class"):
        testing.check_potential_family(Family)


class Picky(FieldMetric):
    """Raises for a sample whose reference is its largest."""

    default_name, title = "broken-picky", "Picky"

    def values(self, xp, y, p):
        return xp.mean(xp.abs(p - y), axis=1)

    def array_values(self, y, p, context):
        if (y > 50).any():
            raise ValueError("too large")
        return super().array_values(y, p, context)


def test_a_metric_that_fails_in_an_evaluation_is_named_with_field_and_sample():
    splits = arrays(shape=(16,))
    splits["test"]["e"][2] = 99.0
    keras_qd.register("datasets", "large")(lambda: ArrayDataset(**splits))
    keras_qd.register("metrics", "broken-picky")(Picky)
    changes = {"dataset": "large", "metrics": ("broken-picky",), "followed": ()}
    task = Task(**{"name": "broken-inside", **PARTS, **changes})
    keras_qd.register("tasks", "broken-inside")(task)
    message = "metric 'broken-picky' of the field 'e' fails, first in sample 2: ValueError: too"
    with pytest.raises(ConformanceError, match=message):
        testing.check_task("broken-inside", backends=())


def test_everything_wrong_is_told_at_once():
    keras_qd.register("tasks", "broken-twice")(Task(name="x", **{**PARTS, "description": ""}))
    with pytest.raises(ConformanceError) as raised:
        testing.check_task("broken-twice", backends=())
    assert len(raised.value.errors) >= 2
    assert all(f"\n  {n}. " in str(raised.value) for n in range(1, len(raised.value.errors) + 1))
    assert str(raised.value).startswith("the task 'broken-twice' breaks the rules of keras-qd:")


def test_another_process_finds_what_is_wrong(tmp_path, monkeypatch):
    """It sees what is on the path of this one, and on which backend it runs."""
    (tmp_path / "odd.py").write_text(
        "import keras\ndef metric():\n    raise ValueError(f'odd on {keras.config.backend()}')\n"
    )
    described = tmp_path / "odd-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[keras_qd.metrics]\nodd = odd:metric\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    found = backends.errors_on(RUNNING, "check_metric", "odd", {"config": {}})
    message = f"the metric 'odd' of odd 1.0 fails: ValueError: odd on {RUNNING}"
    assert found == [f"building it raises PluginError: {message}"]


def test_another_process_that_fails_is_reported(monkeypatch):
    monkeypatch.setattr(backends, "_SCRIPT", "import keras_qd.testing as t; t.check_nothing")
    (ended,) = backends.errors_on(RUNNING, "check_metric", "odd", {})
    assert "the check itself ended with exit code 1: AttributeError" in ended


def test_only_what_is_wrong_elsewhere_is_told_of_elsewhere(monkeypatch):
    monkeypatch.setattr(backends, "installed_backends", lambda: ["cold", RUNNING, "warm"])
    monkeypatch.setattr(backends, "errors_on", lambda name, *check: ["here too", f"it is {name}"])
    found = Findings("the metric 'l1'")
    found.errors.append("here too")
    backends.check_elsewhere(found, "check_metric", "metrics", "l1", {}, None)
    assert found.errors == ["here too", "on cold: it is cold", "on warm: it is warm"]


def test_what_only_this_session_knows_cannot_be_checked_elsewhere(monkeypatch):
    keras_qd.register("metrics", "l1-of-today")(lambda: keras_qd.metrics.L1("l1-of-today"))
    monkeypatch.setattr(backends, "installed_backends", lambda: [RUNNING, "warm"])
    with pytest.raises(ConformanceError, match="registered in this session only"):
        testing.check_metric("l1-of-today")
    with pytest.raises(UsageError, match="unknown installed backend"):
        testing.check_metric("l1-of-today", backends=["theano"])
