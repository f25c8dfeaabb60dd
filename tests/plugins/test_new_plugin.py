"""A new plug-in is written, installed by pip, tested, used, and removed again."""

import json
import sys
import types

import numpy as np
import pytest

from keras_qd import physics
from keras_qd.registry import components
from tests.command import refused, succeed, whole_chain

#: The plug-in's own tests, then a command without its report, in one process: imports take longer.
TEST_AND_TRAIN = """
import sys
import pytest
from keras_qd.evaluation import cost
cost.times_in_turn.__kwdefaults__["budget"] = 0.05
if code := pytest.main(["-q", "-p", "no:cacheprovider", sys.argv.pop(1)]):
    sys.exit(code)
from keras_qd.cli.main import main
import keras_qd.report.report as report
report.write_report = lambda run: run.path
main()
"""


@pytest.fixture
def plugin(tmp_path):
    """The folder of a new plug-in, written by the command."""
    written = json.loads(succeed("new-plugin", "odd-wells", "--json", cwd=tmp_path))
    assert all((tmp_path / path).is_file() for path in written["files"])
    return tmp_path / written["folder"]


@whole_chain
def test_install_test_train_and_uninstall(environment, plugin, tmp_path):
    before = environment.names()
    environment.pip("install", "--no-deps", "--no-build-isolation", "--no-index", str(plugin))
    added = {kind: names - before[kind] for kind, names in environment.names().items()}
    assert added == {
        "models": {"odd-wells-net"},
        "datasets": {"odd-wells"},
        "metrics": {"odd-wells-largest-error"},
        "tasks": {"odd-wells-to-energy"},
        "potentials": {"odd-wells"},
        **{
            kind: set()
            for kind in ("line_potentials", "scalings", "augmentations", "callbacks", "pretrained")
        },
    }
    run = tmp_path / "run"
    small = ("--epochs", "1", "--set", "dataset.samples=100", "--no-evolution")
    arguments = ("train", "odd-wells-to-energy", "--out", str(run), *small)
    environment.output("-c", TEST_AND_TRAIN, str(plugin / "tests"), *arguments)
    assert "odd-wells-largest-error" in (run / "metrics.json").read_text()

    environment.pip("uninstall", "--yes", "keras-qd-odd-wells")
    assert environment.names() == before


def test_devices_of_its_family_are_designed(plugin, monkeypatch):
    source = (plugin / "src" / "keras_qd_odd_wells" / "family.py").read_text()
    module = types.ModuleType("odd_wells_family")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(source, vars(module))
    known = components("potentials")
    monkeypatch.setattr(known, "_registered", {"odd-wells": module.Bowls})
    box = physics.Box(10.0)
    potential = module.Bowls().values({"omega": 0.7}, box, 24)
    np.save(plugin / "wanted.npy", physics.solve(potential, box, 1).density)
    settings = ("--electrons", 1, "--family", "odd-wells", "--tolerance", 1e-3, "--no-figure")
    out = plugin / "found.npz"
    found = json.loads(succeed("invert", plugin / "wanted.npy", *settings, "--out", out, "--json"))
    assert found["problem"]["family"] == "odd-wells"
    assert found["inversions"][0]["parameters"]["omega"] == pytest.approx(0.7, abs=0.01)


def test_a_task_of_a_plugin_that_is_not_installed_is_unknown(tmp_path):
    code, error = refused("train", "odd-wells-to-energy", cwd=tmp_path)
    assert code == 2
    assert "unknown task 'odd-wells-to-energy'" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Odd_Wells"], "'Odd_Wells' is not a plug-in name"),
        (["1d"], "'1d' is not a plug-in name"),
        (["mnist"], "a data set 'mnist' already exists"),
        (["odd-wells", "--out", "."], "is the working directory"),
    ],
)
def test_names_and_folders_that_are_refused(arguments, message, tmp_path):
    code, error = refused("new-plugin", *arguments, cwd=tmp_path)
    assert code == 2
    assert message in error
    assert not list(tmp_path.iterdir())
