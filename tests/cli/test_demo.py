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
