"""Data, model and task of an installed plug-in, treated as the built-in ones."""

import json

import pytest

import keras_qd
from keras_qd.training.run import Run
from tests.command import succeed, whole_chain


@pytest.fixture
def trained(plugin, monkeypatch):
    """A run of the plug-in's task on data of the plug-in's recipe, trained by the command line."""
    # test_tutorial.py draws
    monkeypatch.setattr("keras_qd.report.report.write_report", lambda run, beside=(): run.path)
    store, run = plugin / "springs.zarr", plugin / "run"
    succeed("generate", "springs", "--samples", 40, "--workers", 1, "--out", store)
    succeed("train", "springs-to-energy", "--data", store, "--out", run, "--no-evolution")
    return run


@whole_chain
def test_it_is_trained_timed_against_its_own_solver_and_exported(trained, plugin):
    shown = json.loads(succeed("evaluate", trained, "--json"))
    assert {score["metric"] for score in shown["metrics"]} == {"mae", "r2"}
    cost = shown["cost"]
    assert cost["solver"] == "square roots of 4 numbers"
    assert 0 < cost["solver_seconds"] < cost["model"]["single"]
    succeed("export", trained, "--format", "torch", "--out", plugin / "exported")
    assert "springs-net" in (plugin / "exported" / "MODEL_CARD.md").read_text()
    stiffness = Run.open(trained).load_dataset().split("test")["stiffness"]
    predicted = keras_qd.load_model(trained).predict(stiffness, verbose=0)
    assert predicted.shape == (len(stiffness),)


@whole_chain
def test_its_model_says_what_is_tuned(plugin):
    out = plugin / "search"
    arguments = ("--trials", 2, "--epochs", 1, "--out", out, "--json")
    found = json.loads(succeed("tune", "springs-to-energy", *arguments))
    assert found["best"]["settings"]["model.units"] in (4, 8)
