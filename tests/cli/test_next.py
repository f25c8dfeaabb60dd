"""The commands that verbs print below "next:" run as printed."""

import shlex

import numpy as np
import pytest
from PIL import Image

from tests.command import succeed, whole_chain

#: Options that make trainings and data small.
_SHORT = "--epochs 1 --batch-size 8 --model unet --set model.filters=2 --set model.depth=2"
_FEW = "--samples 40 --grid 16 --orbitals 5 --workers 1"


def next_commands(printed):
    """Return the words of the keras-qd commands below "next:", trainings made short."""
    below = printed.partition("\nnext:\n")[2]
    lines = [line.strip() for line in below.splitlines() if line.startswith("  keras-qd ")]
    assert lines, printed
    for line in lines:
        verb, *rest = shlex.split(line)[1:]
        yield [verb, *rest, *(shlex.split(_SHORT) if verb == "train" else ())]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty directory with a space in its name, potentials, and pairs of images."""
    path = tmp_path / "a folder"
    path.mkdir()
    monkeypatch.chdir(path)
    monkeypatch.setenv("KERAS_QD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("keras_qd.report.report.write_report", lambda run, beside=(): run.path)
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(*(np.linspace(-2, 2, 16),) * 2)
    springs = rng.uniform(0.5, 1.5, (40, 2, 1, 1))
    np.save("potentials.npy", springs[:, 0] * x**2 + springs[:, 1] * y**2)
    np.save("potential.npy", springs[:, 0] * x**2)
    np.savez("both.npz", potential=springs[:, 0] * x**2, energy=springs[:, 0, 0, 0])
    for split, count in (("train", 8), ("val", 4), ("test", 4)):
        (path / "maps" / split).mkdir(parents=True)
        for number in range(count):
            pair = rng.integers(0, 255, (16, 32), dtype=np.uint8)
            Image.fromarray(pair).save(path / "maps" / split / f"{number}.png")
    return path


STARTS = {
    "generate": f"generate quantum-dots --out dots.zarr {_FEW}",
    "solve": "solve potentials.npy --box-length 6 --workers 1 --out solved.zarr",
    "import potentials": "import potential.npy --out in.zarr --length 6",
    "import": "import both.npz --out both.zarr",
    "prepare": "prepare maps --out pairs.zarr",
}


@whole_chain
@pytest.mark.parametrize("start", STARTS)
def test_next_commands_run_as_printed(start, here):
    for words in next_commands(succeed(*shlex.split(STARTS[start]))):
        succeed(*words)


@whole_chain
def test_what_a_training_and_a_compression_print_runs(here, autoencoder):
    wells = "train potential-to-energy --epochs 1 --set dataset.samples=600 --set dataset.workers=1"
    found = list(next_commands(succeed(*shlex.split(f"{wells} --no-evolution"))))
    assert [words[0] for words in found] == ["evaluate", "predict"]
    for words in found:
        succeed(*words)
    with np.load(here / found[1][-1]) as predicted:
        assert predicted["energy"].shape == (3,)
    images = here / "images.npy"
    np.save(images, np.load(autoencoder.example_path)["image"])
    for words in next_commands(succeed("compress", autoencoder.path, images, "--out", "a.kqd")):
        succeed(*words)
