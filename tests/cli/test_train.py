"""The verb ``train``: settings reach the task; an interruption says how to go on."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

STORE = ("generate", "quantum-dots", "--samples", 40, "--grid", 32, "--orbitals", 6)
TINY = ("--set", "model.filters=4", "--set", "batch_size=8", "--set", 'metrics=["l1","r2"]')

#: The command line, for a shell that starts its children deaf to interrupts, as in the background.
LISTENING = (
    "import signal\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from keras_qd.cli.main import main\n"
    "main()\n"
)


@pytest.fixture(scope="module")
def store(keras_qd_command, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "dots.zarr"
    process = keras_qd_command(*STORE, "--out", path)
    assert process.returncode == 0, process.stderr
    return path


def test_interrupted_it_says_how_to_go_on_and_the_rest_of_the_chain_follows(
    keras_qd_command, store, tmp_path
):
    run = tmp_path / "run"
    arguments = ["train", "potential-to-density", "--data", store, "--out", run, "--epochs", 40]
    process = subprocess.Popen(
        [sys.executable, "-c", LISTENING, *map(str, [*arguments, *TINY])],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 300
    while not (run / "history.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 1
    assert error.splitlines()[-1] == f"keras-qd: stopped; go on with: keras-qd train --resume {run}"
    assert "Traceback" not in error
    done = len((run / "history.csv").read_text().splitlines()) - 1
    assert 0 < done < 40

    resumed = keras_qd_command("train", "--resume", run, "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert len((run / "history.csv").read_text().splitlines()) - 1 == 40
    assert json.loads(resumed.stdout)["run"] == str(run)
    config = json.loads((run / "config.json").read_text())
    assert config["task"]["model_config"]["filters"] == 4
    assert config["task"]["batch_size"] == 8
    assert "train potential-to-density" in config["command"]

    potentials = tmp_path / "potentials.npy"
    np.save(potentials, np.zeros((3, 32, 32)))
    predicted = keras_qd_command("predict", run, potentials, "--out", tmp_path / "out.npz")
    assert predicted.returncode == 0, predicted.stderr
    with np.load(tmp_path / "out.npz") as found:
        assert found["density"].shape == (3, 32, 32)


def test_a_field_that_the_data_lacks_is_named(keras_qd_command, tmp_path):
    wells = tmp_path / "wells.zarr"
    keras_qd_command("generate", "wells-1d", "--samples", 20, "--out", wells)
    process = keras_qd_command(
        "train", "potential-to-density", "--data", wells, "--out", tmp_path / "run"
    )
    assert process.returncode == 1, process.stderr
    last = process.stderr.splitlines()[-1]  # TensorFlow talks about itself first
    assert last.startswith("keras-qd: ")
    assert "holds 'wells-1d'" in last
    assert "Traceback" not in process.stderr
    assert not (tmp_path / "run").exists()
