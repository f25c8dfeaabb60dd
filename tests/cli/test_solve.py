"""``keras-qd solve``: potentials in files become a data set that tasks train on."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import keras_qd
from keras_qd.data import open_store, solve_potentials
from keras_qd.errors import StoreError
from keras_qd.physics import Box, Solver, material
from keras_qd.report.figures import samples
from tests.command import call, refused, succeed, whole_chain

BOX = Box(6.0)
DEVICE = """
side = 60
n_pixels = 16
[[gates]]
name = "plunger"
shape = "gaussian"
x = 30
y = 30
width = 15
"""


def wells(count):
    """Shifted parabolas, the last with noise that the solver refuses."""
    x, y = BOX.mesh(16)
    shifts = np.linspace(-0.5, 0.5, count)
    potentials = np.array([2 * (x - 3 - s) ** 2 + 2 * (y - 3) ** 2 for s in shifts])
    potentials[-1] += 100 * np.random.default_rng(0).normal(size=x.shape)
    return potentials


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("solve")
    np.savez(folder / "own.npz", V=wells(25), grid=np.arange(3))
    finished = call(
        *("solve", folder / "own.npz", "--field", "V", "--out", folder / "dots.zarr"),
        *("--box-length", 6, "--workers", 1),
    )
    assert finished.code == 0, finished.error
    assert "24 potentials solved" in finished.out
    assert "refused: potential 24: edges of" in finished.error
    assert f"keras-qd train potential-to-density --data {folder / 'dots.zarr'}" in finished.out
    return folder / "dots.zarr"


def test_the_store_has_what_the_solver_gives_and_resumes(store):
    found = open_store(store)
    assert found.n_finished == 25
    expected = Solver(BOX, 2).solve(found.read("potential")[7].astype(float))
    assert found.read("energy")[7] == pytest.approx(expected.energy, abs=1e-9)
    again = succeed(
        *("solve", store.with_name("own.npz"), "--field", "V", "--out", store),
        *("--box-length", 6, "--json"),
    )
    assert json.loads(again)["digest"] == found.digest()
    assert list(json.loads(again)["refusals"]) == ["24"]
    assert "refused potentials, which training omits: 1" in succeed("inspect", store)


def test_the_figure_leaves_refused_potentials_out(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        samples, "samples_figure", lambda found: drawn.append(found.values) or Figure()
    )
    store = solve_potentials(wells(3)[::-1], tmp_path / "dots.zarr", Solver(BOX, 2), workers=1)
    samples.draw_sheet(store, tmp_path / "sheet.png")
    assert list(store.refusals) == [0]
    np.testing.assert_array_equal(drawn[0]["energy"], store.read("energy")[1:])
    none = solve_potentials(wells(1), tmp_path / "none.zarr", Solver(BOX, 2), workers=1)
    with pytest.raises(StoreError, match="none of the first 1 samples"):
        samples.draw_sheet(none, tmp_path / "sheet.png")


@whole_chain
@pytest.mark.usefixtures("without_report")
def test_a_task_trains_on_it(store, tmp_path):
    run = tmp_path / "run"
    printed = succeed(
        *("train", "potential-to-density", "--data", store, "--out", run, "--epochs", 2, "--json"),
        *("--model", "unet", "--set", "model.filters=4", "--set", "model.depth=2"),
        *("--set", "dataset.fractions=[0.5,0.25,0.25]", "--batch-size", 4),
    )
    assert json.loads(printed)["data"]["length"] == 6.0
    config = json.loads((run / "config.json").read_text())
    assert sum(config["samples"].values()) == 24
    assert config["data"]["label_error"]["density"]["largest"] < 1e-3
    assert np.isfinite(keras_qd.training.Run.open(run).history()["loss"]).all()


def test_training_on_potentials_alone_suggests_it(tmp_path):
    np.save(tmp_path / "potential.npy", wells(25)[:24])
    store = tmp_path / "potentials.zarr"
    succeed("import", tmp_path / "potential.npy", "--out", store)
    finished = call(*("train", "potential-to-density", "--data", store, "--out", tmp_path / "run"))
    assert finished.code == 1
    assert "keras-qd solve" in finished.error


def test_one_potential_in_millielectronvolts(tmp_path):
    gaas = material("GaAs")
    np.save(tmp_path / "one.npy", wells(2)[0] * gaas.hartree)
    out = tmp_path / "one.zarr"
    succeed(
        *("solve", tmp_path / "one.npy", "--out", out, "--material", "GaAs", "--workers", 1),
        *("--box-length", 6 * gaas.bohr_radius),
    )
    found = open_store(out)
    np.testing.assert_allclose(found.read("potential")[0], wells(2)[0], rtol=1e-6, atol=1e-6)
    expected = Solver(BOX, 2).solve(wells(2)[0])
    assert found.read("energy")[0] == pytest.approx(expected.energy, abs=1e-5)


def test_images_and_a_device(tmp_path):
    grey = np.clip(255 * wells(2)[0] / 40, 0, 255).astype(np.uint8)
    (tmp_path / "scans").mkdir()
    Image.fromarray(grey).save(tmp_path / "scans" / "a.png")
    out = tmp_path / "scans.zarr"
    assert refused("solve", tmp_path / "scans", "--out", out)[0] == 2
    common = ("--workers", 1, "--electrons", 1)
    succeed(*("solve", tmp_path / "scans", "--grey", 0, 40, "--out", out), *common)
    np.testing.assert_allclose(open_store(out).read("potential")[0], grey * (40 / 255), rtol=1e-6)

    (tmp_path / "dot.toml").write_text(DEVICE)
    out = tmp_path / "device.zarr"
    succeed("solve", tmp_path / "dot.toml", "--voltage", "plunger=30", "--out", out, *common)
    device = keras_qd.devices.Device.load(tmp_path / "dot.toml")
    expected = Solver(device.box, 1).solve(device.potential({"plunger": 30}))
    assert open_store(out).read("energy")[0] == pytest.approx(expected.energy, abs=1e-5)
    for option in ("--box-length", "--gate-distance"):
        code, message = refused("solve", tmp_path / "dot.toml", option, 9, "--out", out)
        assert code == 2
        assert f"leave out {option}" in message
    code, message = refused(
        "solve", tmp_path / "dot.toml", "--voltage", "plunger=inf", "--out", out
    )
    assert code == 2
    assert "GATE=MV" in message


def has_begun(path):
    """Whether a store is there, with a finished shard."""
    try:
        return open_store(path).n_finished > 0
    except StoreError:
        return False


def test_a_killed_command_resumes_and_ends_identical(store, tmp_path):
    out = tmp_path / "dots.zarr"
    arguments = ("solve", store.with_name("own.npz"), "--field", "V", "--out", out)
    arguments = tuple(map(str, (*arguments, "--box-length", 6, "--workers", 1)))
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_qd", *arguments],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None and not has_begun(out):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
    assert 0 < open_store(out).n_finished < 25
    succeed(*arguments)
    assert open_store(out).digest() == open_store(store).digest()
    assert open_store(out).refusals == open_store(store).refusals
