"""The doctor shows optional dependencies, and its self-test what does not work."""

import json
import tomllib
from pathlib import Path

import pytest

from keras_qd import testing
from keras_qd.cli import doctor
from tests.command import call, succeed

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.fixture
def working(monkeypatch):
    """Leave out the processes that try the backends, and the import of every component."""
    monkeypatch.setattr(doctor, "_probe", lambda name: ["cpu"])
    monkeypatch.setattr(doctor, "_broken_plugins", list)


def test_every_extra_has_a_purpose():
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    assert set(project["optional-dependencies"]) <= set(doctor.EXTRAS)


@pytest.mark.usefixtures("working")
def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(doctor, "_is_installed", lambda name: name != "distributed")
    found = json.loads(succeed("doctor", "--json"))
    missing = {part["extra"]: part["missing"] for part in found["optional_parts"]}
    assert missing["dask"] == ["distributed"]
    assert missing["remote"] == []
    assert "pip install 'keras-qd[dask]'" in succeed("doctor")
    assert "self_test" not in found


def test_it_tries_a_backend_and_imports_every_component(capsys):
    exec(doctor._PROBE, {})
    assert isinstance(json.loads(capsys.readouterr().out), list)
    assert doctor._broken_plugins() == []


def test_a_backend_is_tried_in_a_process(monkeypatch):
    probe = "import json, os; print(json.dumps([os.environ['KERAS_BACKEND']]))"
    monkeypatch.setattr(doctor, "_PROBE", probe)
    assert doctor._probe("torch") == ["torch"]
    monkeypatch.setattr(doctor, "_PROBE", "raise SystemExit('first line\\nno luck')")
    assert doctor._probe("torch") == "broken: no luck"


@pytest.mark.usefixtures("working")
def test_without_a_backend_it_fails(monkeypatch):
    monkeypatch.setattr(doctor, "_probe", lambda name: "broken: no luck")
    finished = call("doctor")
    assert finished.code == 1
    assert "broken: no luck" in finished.out
    assert "no Keras backend works" in finished.error


@pytest.mark.usefixtures("working")
def test_a_failed_self_test_is_reported_and_exits_with_1(monkeypatch):
    trials = [
        testing.InstallationCheck("exact solver", (), 1.0),
        testing.InstallationCheck("training on jax", ("it is too warm",), 2.0),
    ]
    monkeypatch.setattr("keras_qd.testing.installation.self_test", lambda: iter(trials))
    finished = call("doctor", "--self-test")
    assert finished.code == 1
    assert "self-test: exact solver (1 s): works" in finished.out
    assert "self-test: training on jax (2 s): it is too warm" in finished.out
    assert finished.error == "keras-qd: the self-test failed: training on jax\n"


def test_the_self_test_finds_a_solver_that_is_off(monkeypatch):
    monkeypatch.setattr("keras_qd.testing.installation.two_electron_energy", lambda omega: 2.5)
    assert "exactly 2.5" in next(testing.self_test()).errors[0]


@pytest.mark.slow
def test_the_self_test_passes():
    trials = json.loads(succeed("doctor", "--self-test", "--json"))["self_test"]
    assert len(trials) >= 3
    assert all(trial["errors"] == [] for trial in trials)
