"""The demo runs the whole chain."""

import json

import pytest

from keras_qd import registry
from keras_qd.backend import ensure_backend
from keras_qd.cli import demo
from keras_qd.cli.train import free_path
from keras_qd.training import Run
from tests.cli.test_next import next_commands
from tests.command import succeed, whole_chain


@pytest.fixture
def few_filters(monkeypatch):
    """Let the demo train a small network: its size does not matter here."""

    task = registry.task
    small = {"model_config": {"filters": 4}}
    monkeypatch.setattr(registry, "task", lambda name, **changes: task(name, **changes, **small))


@whole_chain
@pytest.mark.usefixtures("few_filters", "without_report")
def test_the_whole_chain_on_a_small_scale(tmp_path):
    printed = succeed("demo", "--samples", 50, "--epochs", 1, cwd=tmp_path)
    run = tmp_path / "runs" / "demo"
    for name in ("model.keras", "history.csv", "metrics.json", "report.html"):
        assert (run / name).exists()
    config = json.loads((run / "config.json").read_text())
    assert config["command"] == "keras-qd demo --samples 50 --epochs 1"
    lines = printed.splitlines()
    for metric in ("L1", "L2", "Linf", "R2", "SSIM"):
        assert any(line.startswith(metric) for line in lines)
    assert f"report: {(run / 'report.html').relative_to(tmp_path)}" in printed
    following = list(next_commands(printed))
    assert [words[0] for words in following] == ["evaluate", "predict", "inspect", "train"]
    for words in following[:3]:
        succeed(*words, cwd=tmp_path)


@pytest.mark.slow
def test_the_full_demo_reaches_what_it_promises(tmp_path):
    found = json.loads(succeed("demo", "--json", cwd=tmp_path))
    value = {
        each["metric"]: each["value"] for each in found["metrics"] if each["space"] == "physical"
    }
    assert found["data"]["n_samples"] >= 200
    assert value["r2"] >= 0.97


def test_an_interrupted_demo_is_resumed_and_another_one_gets_a_new_path(trained, tmp_path):
    task = trained.task
    path = tmp_path / "demo"
    assert not demo._is_interrupted(path, task, seed=0)
    assert free_path(path) == path
    run = Run.create(path, {**trained.config, "seed": 0, "backend": ensure_backend()}, {})
    assert free_path(path) == tmp_path / "demo-2"
    assert demo._is_interrupted(path, task, seed=0)
    assert not demo._is_interrupted(path, task, seed=1)
    assert not demo._is_interrupted(path, task.replace(epochs=77), seed=0)
    run.model_path.touch()
    assert not demo._is_interrupted(path, task, seed=0)
