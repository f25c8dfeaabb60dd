"""Exported files give what the model gives, in physical units, or do not come into being."""

import json
import shutil

import keras
import numpy as np
import pytest
from tests.wells import make_wells

import keras_qd
from keras_qd.cli.main import main
from keras_qd.data.scaling import fit_scaling
from keras_qd.errors import RunError, UnknownNameError, UsageError
from keras_qd.evaluation import Evaluation
from keras_qd.export import _export as exporting
from keras_qd.export import formats
from keras_qd.export._export import name_outputs, run_exported
from keras_qd.export.physical_model import physical_model
from keras_qd.tasks import Pipeline
from keras_qd.training.run import Run

BACKEND = keras.config.backend()
#: What this backend can write; through JAX, ONNX takes a minute.
HERE = [
    pytest.param(each.name, marks=pytest.mark.slow if BACKEND == "jax" else ())
    for each in formats.FORMATS.values()
    if BACKEND in each.needs
]


@pytest.fixture(scope="module", params=HERE)
def exported(request, trained, tmp_path_factory):
    """The trained run in every format that this environment can write."""
    try:
        formats.find_format(request.param).check(BACKEND)
    except UsageError as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("exported")
    run = Run.open(shutil.copytree(trained.path, folder / "wells"))
    keras_qd.evaluate(run, n_draws=10)
    return request.param, run, keras_qd.export_model(run, folder / "out", request.param)


def test_it_gives_what_the_model_gives(exported):
    """On systems that the check at the export has not seen, of any number."""
    name, run, found = exported
    assert found.difference < 1e-5
    for n_samples in (1, 5):
        potential = make_wells(n_samples, 91)["potential"].astype(np.float32)
        values = run_exported(name, found.path, {"potential": potential}, ["density"])["density"]
        expected = keras_qd.predict(run, potential)["density"]
        np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5 * expected.max())


def test_a_card_and_an_example_lie_beside_it(exported):
    name, run, found = exported
    names = {path.name for path in found.path.parent.iterdir()}
    assert names - {"model.bin"} == {formats.FORMATS[name].file, "MODEL_CARD.md", "example.npz"}
    card = found.card.read_text(encoding="utf-8")
    score = Evaluation.read(run.path).score("l1")
    for fact in (
        "| in | `potential` | n x 16 x 16 | float32 | Ha* |",
        "| out | `density` | n x 16 x 16 | float32 | a₀*⁻² |",
        f"| {score.value:.4g} |",
        run.config["data"]["digest"],
        "Wells to densities.",
        "24 that it was trained on",
        "Apache License 2.0",
        f"| keras | {run.environment['packages']['keras']} |",
    ):
        assert fact in card
    with np.load(found.path.parent / "example.npz") as example:
        expected = keras_qd.predict(run, example["inputs/potential"])["density"]
        np.testing.assert_allclose(example["outputs/density"], expected, rtol=1e-5, atol=1e-6)


def test_outputs_of_onnx_files_get_their_names(tmp_path):
    onnx = pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    kind = onnx.TensorProto.FLOAT
    ends = [onnx.helper.make_tensor_value_info(each, kind, ["n"]) for each in ("x", "214", "7")]
    nodes = [
        onnx.helper.make_node("Neg", ["x"], ["214"]),
        onnx.helper.make_node("Abs", ["214"], ["7"]),
    ]
    graph = onnx.helper.make_graph(nodes, "two", ends[:1], ends[1:])
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), str(tmp_path / "m.onnx")
    )
    name_outputs(tmp_path / "m.onnx", ["density", "energy"])
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"))
    found = session.run(["density", "energy"], {"x": np.array([1.0], np.float32)})
    assert [values[0] for values in found] == [-1.0, 1.0]


class Channels(keras.Model):
    """Stands for a network: it mixes the channels."""

    def __init__(self, n_outputs):
        super().__init__()
        self.mix = keras.layers.Dense(n_outputs, kernel_initializer="ones")

    def call(self, x, training=None):
        return self.mix(x)


@pytest.mark.parametrize(
    ("scaling", "shape"),
    [
        ("none", ()),
        ("log", (5,)),
        ("minmax", (4, 6)),
        ("centered-standard", (4, 6)),
    ],
)
def test_the_graph_does_what_the_pipeline_does(scaling, shape):
    rng = np.random.default_rng(1)
    arrays = {name: rng.uniform(0.5, 3.0, (7, *shape)) for name in ("one", "other")}
    fitted = {name: fit_scaling(scaling, values) for name, values in arrays.items()}
    pipeline = Pipeline({"one": shape, "other": shape}, {"one": shape, "other": shape}, fitted)
    model = Channels(2)
    model(pipeline.scale_inputs(arrays))
    found = physical_model(model, pipeline)([arrays["one"], arrays["other"]])
    output = keras.ops.convert_to_numpy(model(pipeline.scale_inputs(arrays)))
    for name, expected in pipeline.restore(output).items():
        values = keras.ops.convert_to_numpy(found[f"{name}_predicted"])
        np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)


def test_classes_come_with_their_probabilities():
    fitted = {
        "image": fit_scaling("none", np.ones((2, 3))),
        "digit": fit_scaling("one-hot", [0, 3]),
    }
    pipeline = Pipeline({"image": (3,)}, {"digit": ()}, fitted)
    inputs = keras.Input((3, 1))
    outputs = keras.layers.Dense(4, activation="softmax")(keras.layers.Flatten()(inputs))
    graph = physical_model(keras.Model(inputs, outputs), pipeline)
    found = graph(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
    classes, shares = (
        keras.ops.convert_to_numpy(found[name]) for name in ("digit", "digit_probabilities")
    )
    np.testing.assert_array_equal(classes, shares.argmax(axis=-1))
    assert shares.shape == (5, 4)


@pytest.fixture
def pretended(monkeypatch):
    """A format that every backend can write, whose file is checked like any other."""
    written = formats.Format("onnx", "onnx", "model.onnx", {BACKEND: ()}, "keras")
    monkeypatch.setitem(formats.FORMATS, "onnx", written)
    monkeypatch.setattr(
        exporting, "_write", lambda graph, path, chosen, outputs: path.write_bytes(b"file")
    )


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (lambda *_: {"density": np.zeros((3, 16, 16))}, "gives other values than the model"),
        (lambda *_: {"density": np.zeros((1, 16, 16))}, "gives other values than the model"),
        (lambda *_: 1 / 0, "the file does not run: division by zero"),
    ],
)
def test_a_wrong_file_does_not_come_into_being(
    pretended, monkeypatch, run, tmp_path, found, message
):
    monkeypatch.setattr(exporting, "run_exported", found)
    with pytest.raises(RunError, match=message):
        keras_qd.export_model(run, tmp_path / "out", "onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["wells"]


def test_what_is_there_is_replaced_only_when_asked(pretended, monkeypatch, run, tmp_path, capsys):
    monkeypatch.setattr(
        exporting,
        "run_exported",
        lambda name, path, inputs, outputs: keras_qd.predict(run, inputs),
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    with pytest.raises(UsageError, match="--force"):
        keras_qd.export_model(run, tmp_path / "out", "onnx")
    arguments = ["export", run.path, "--format", "onnx", "--out", tmp_path / "out", "--force"]
    with pytest.raises(SystemExit) as stop:
        main([str(each) for each in (*arguments, "--json")])
    assert stop.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outputs"] == [
        {"name": "density", "shape": [16, 16], "dtype": "float32", "unit": "1/a0*^2"}
    ]
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["MODEL_CARD.md", "example.npz", "model.onnx"]
    assert "was not judged yet" in (tmp_path / "out" / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_a_backend_that_cannot_is_told_which_can():
    with pytest.raises(UsageError, match=r"cannot be exported on jax; .* --backend tensorflow"):
        formats.find_format("litert").check("jax")


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install tf2onnx onnx onnxruntime"):
        formats.find_format("onnx").check("tensorflow")
    with pytest.raises(UsageError, match="pip install ai-edge-litert"):
        formats.find_format("litert").check("tensorflow")


def test_an_unknown_format_is_refused(run, tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'onnx'"):
        keras_qd.export_model(run, tmp_path / "out", "onxx")
