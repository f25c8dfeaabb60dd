"""The demo runs the whole chain."""

import json

import pytest


def demo(keras_qd_command, folder, *arguments):
    process = keras_qd_command("demo", *arguments, cwd=folder)
    assert process.returncode == 0, process.stderr
    return process


def test_the_whole_chain_on_a_small_scale(keras_qd_command, tmp_path):
    process = demo(keras_qd_command, tmp_path, "--samples", 60, "--epochs", 1)
    run = tmp_path / "runs" / "demo"
    for name in ("model.keras", "history.csv", "metrics.json", "report.html", "figures"):
        assert (run / name).exists()
    config = json.loads((run / "config.json").read_text())
    assert config["command"] == "keras-qd demo --samples 60 --epochs 1"
    lines = process.stdout.splitlines()
    for metric in ("L1", "L2", "Linf", "R2", "SSIM"):
        assert any(line.startswith(metric) for line in lines)
    assert f"report: {(run / 'report.html').relative_to(tmp_path)}" in process.stdout
    assert any("keras-qd predict" in line for line in lines[-6:])

    again = demo(keras_qd_command, tmp_path, "--samples", 60, "--epochs", 1, "--json")
    found = json.loads(again.stdout)
    assert found["run"] == "runs/demo-2"
    first = json.loads((run / "metrics.json").read_text())
    assert [each["value"] for each in found["metrics"]] == pytest.approx(
        [each["value"] for each in first["metrics"]], rel=1e-5
    )


@pytest.mark.slow
def test_the_full_demo_reaches_what_it_promises(keras_qd_command, tmp_path):
    found = json.loads(demo(keras_qd_command, tmp_path, "--json").stdout)
    value = {
        each["metric"]: each["value"] for each in found["metrics"] if each["space"] == "physical"
    }
    assert found["data"]["n_samples"] >= 200
    assert value["r2"] >= 0.97


def test_an_interrupted_demo_goes_on_and_another_one_goes_beside(tmp_path):
    from keras_qd import registry
    from keras_qd.backend import ensure_backend
    from keras_qd.cli.demo import _is_interrupted
    from keras_qd.training import Run

    task = registry.task("potential-to-density", epochs=2)
    path = tmp_path / "demo"
    assert not _is_interrupted(path, task, seed=0)
    config = {"task": task.to_config(), "seed": 0, "backend": ensure_backend()}
    run = Run.create(path, config, {})
    assert _is_interrupted(path, task, seed=0)
    assert not _is_interrupted(path, task, seed=1)
    assert not _is_interrupted(path, task.replace(epochs=3), seed=0)
    run.model_path.touch()
    assert not _is_interrupted(path, task, seed=0)
