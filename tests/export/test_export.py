"""Exported files give what the model gives, in physical units, or do not come into being."""

import json
import shutil

import keras
import numpy as np
import pytest
from tests.wells import make_wells

import keras_qd
from keras_qd.errors import RunError, UnknownNameError, UsageError
from keras_qd.evaluation import Evaluation
from keras_qd.export import _export as exporting
from keras_qd.export import formats
from keras_qd.export._export import graph_of
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
        chosen = formats.find_format(name)
        values = chosen.run(found.path, {"potential": potential}, ["density"])["density"]
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
    formats.name_outputs(tmp_path / "m.onnx", ["density", "energy"])
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"))
    found = session.run(["density", "energy"], {"x": np.array([1.0], np.float32)})
    assert [values[0] for values in found] == [-1.0, 1.0]


def test_an_output_is_not_named_as_an_input(autoencoder, bars):
    model = keras_qd.load_model(autoencoder)
    graph, names = graph_of(model)
    assert names == {"image": "image_predicted"}
    images = bars.split("test")["image"].astype(np.float32)
    found = graph(images)
    found = found["image_predicted"] if isinstance(found, dict) else found
    expected = model.predict_on_batch(images)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), expected, rtol=1e-5, atol=1e-4)


@pytest.fixture
def pretended(monkeypatch):
    """Make ONNX a format that every backend can write, whose file holds what it is given."""

    def pretend(runner):
        needs = {BACKEND: ()}
        written = formats.Format("onnx", "onnx", "model.onnx", needs, "keras", runner)
        monkeypatch.setitem(formats.FORMATS, "onnx", written)
        monkeypatch.setattr(
            exporting, "_write", lambda graph, path, chosen, outputs: path.write_bytes(b"file")
        )

    return pretend


@pytest.mark.parametrize(
    ("runner", "message"),
    [
        (lambda *_: [np.zeros((3, 16, 16))], "gives other values than the model"),
        (lambda *_: [np.zeros((1, 16, 16))], "gives other values than the model"),
        (lambda *_: 1 / 0, "the file does not run: division by zero"),
    ],
)
def test_a_wrong_file_is_not_kept(pretended, run, tmp_path, runner, message):
    pretended(runner)
    with pytest.raises(RunError, match=message):
        keras_qd.export_model(run, tmp_path / "out", "onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["wells"]


def test_an_existing_folder_is_replaced_only_by_force(pretended, run, tmp_path, keras_qd_command):
    pretended(lambda path, inputs: keras_qd.predict(run, inputs))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    with pytest.raises(UsageError, match="--force"):
        keras_qd.export_model(run, tmp_path / "out", "onnx")
    arguments = ["export", run.path, "--format", "onnx", "--out", tmp_path / "out", "--force"]
    code, output, _ = keras_qd_command(*arguments, "--json")
    assert code == 0
    assert json.loads(output)["outputs"] == [
        {"name": "density", "shape": [16, 16], "dtype": "float32", "unit": "1/a0*^2"}
    ]
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["MODEL_CARD.md", "example.npz", "model.onnx"]
    assert "not evaluated yet" in (tmp_path / "out" / "MODEL_CARD.md").read_text(encoding="utf-8")


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
