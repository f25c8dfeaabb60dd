"""The doctor tells of optional parts, and its self-test of what does not work."""

import json
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from keras_qd import testing
from keras_qd.cli import extras
from keras_qd.cli.main import main

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_every_extra_says_what_it_brings():
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    assert set(project["optional-dependencies"]) <= set(extras.BRINGS)


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(extras, "_is_installed", lambda name: name != "distributed")
    missing = {part["extra"]: part["missing"] for part in extras.describe_extras()}
    assert missing["dask"] == ["distributed"]
    assert missing["remote"] == []


def test_a_failed_self_test_is_told_and_exits_with_1(monkeypatch, capsys):
    doctor = import_module("keras_qd.cli.doctor")
    trials = [
        testing.InstallationCheck("exact solver", (), 1.0),
        testing.InstallationCheck("training on jax", ("it is too warm",), 2.0),
    ]
    monkeypatch.setattr(doctor, "_probe", lambda name: ["cpu"])
    monkeypatch.setattr(testing, "self_test", lambda: iter(trials))
    with pytest.raises(SystemExit) as stop:
        main(["doctor", "--self-test"])
    assert stop.value.code == 1
    printed = capsys.readouterr()
    assert "self-test: exact solver (1 s): works" in printed.out
    assert "self-test: training on jax (2 s): it is too warm" in printed.out
    assert printed.err == "keras-qd: the self-test failed: training on jax\n"


def test_the_self_test_finds_a_solver_that_is_off(monkeypatch):
    monkeypatch.setattr("keras_qd.testing.installation.two_electron_energy", lambda omega: 2.5)
    assert "exactly 2.5" in next(testing.self_test()).faults[0]


@pytest.mark.slow
def test_the_self_test_passes(keras_qd_command):
    process = keras_qd_command("doctor", "--self-test", "--json")
    assert process.returncode == 0, process.stderr
    trials = json.loads(process.stdout)["self_test"]
    assert len(trials) >= 3
    assert all(trial["faults"] == [] for trial in trials)
