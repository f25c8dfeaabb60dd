"""The plug-ins of the tutorial and of a table to a class, from data to export on each backend."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import keras
import pytest

from tests.plugins.table import FILES

ROOT = Path(__file__).parents[2]
CHAIN = Path(__file__).with_name("chain.py")
#: The plug-in that docs/plugins.md builds.
RINGS = ROOT / "examples" / "keras-qd-rings"
EXPORT = {"jax": "onnx", "tensorflow": "saved-model", "torch": "torch"}[keras.config.backend()]
#: Needed for that on JAX.
EXPORTER = {"jax": "jax2onnx"}.get(keras.config.backend(), "keras")


def write(files, folder):
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return folder


@pytest.fixture(scope="module")
def plugins(environment, tmp_path_factory):
    """The folders of both plug-ins, which are installed in the environment."""
    folder = tmp_path_factory.mktemp("plugins")
    rings = shutil.copytree(RINGS, folder / "keras-qd-rings")
    shells = write(FILES, folder / "keras-qd-shells")
    options = ("--no-deps", "--no-build-isolation", "--no-index")
    environment.pip("install", *options, str(rings), str(shells))
    yield folder
    environment.pip("uninstall", "--yes", "keras-qd-rings", "keras-qd-shells")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("chains")


#: The chain takes a minute and a half where a backend compiles.
chained = pytest.mark.slow if keras.config.backend() != "torch" else lambda test: test


@pytest.fixture(scope="module")
def chains(environment, plugins, folder):
    """What all verbs have printed, for each plug-in; the tutorial's own tests pass first."""
    export = EXPORT if find_spec(EXPORTER) else None
    small = ["model.filters=4", "model.layers=1", "batch_size=16"]
    rings = {
        "task": "rings-to-density-and-energy",
        "export": export,
        "generated": ["rings", "--samples", 120, "--points", 16],
        "settings": small,
    }
    shells = {
        "task": "shells-to-spin",
        # The file that jax2onnx makes of a class is one that ONNX Runtime refuses.
        "export": None if EXPORTER == "jax2onnx" else export,
        "generated": None,
        "settings": ["batch_size=32"],
        "callbacks": ["notes"],
    }
    both = [{**each, "folder": str(folder / each["task"])} for each in (rings, shells)]
    tests = plugins / "keras-qd-rings" / "tests"
    printed = environment.output(str(CHAIN), json.dumps(both), str(tests))
    return dict(zip(("rings", "shells"), json.loads(printed.splitlines()[-1]), strict=True))


def scores(summary):
    return {(each["field"], each["metric"]) for each in summary["metrics"]}


@chained
def test_maps_and_numbers_with_a_solver_and_a_training_step(chains, folder):
    found = chains["rings"]
    assert found["interrupted"] == 1
    expected = {("density", "l1"), ("density", "ring-moment-error"), ("energy", "mae")}
    assert scores(found["resumed"]) >= expected
    assert found["resumed"]["cost"]["solver"] == "15 plane waves on a ring of radius 2 a0*"
    assert found["predicted"]["density"] == [4, 16]
    assert found["predicted"]["energy"] == [4]
    assert found["tuned"]["best"]["settings"]["model.filters"] in (8, 16, 32)
    run = folder / "rings-to-density-and-energy" / "run"
    assert "Moment error" in (run / "report.html").read_text(encoding="utf-8")


@chained
def test_a_table_to_a_class(chains, folder):
    found = chains["shells"]
    assert found["interrupted"] == 1
    assert ("spin", "accuracy") in scores(found["evaluated"])
    assert found["predicted"]["spin"] == [4]
    run = folder / "shells-to-spin" / "run"
    assert (run / "report.html").is_file()
    assert (run / "notes.txt").read_text().split() == ["0", "1"]  # a callback of the plug-in
