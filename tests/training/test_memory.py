"""A split many times its budget goes through training in little memory."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_qd.data import Field, Recipe, write_store
from tests.command import whole_chain

N_PIXELS = 64
PAIR_BYTES = 2 * N_PIXELS**2 * 4

#: Goes through an epoch as training does, and tells how much memory that took.
SCRIPT = """
import re, sys
from pathlib import Path
import keras_qd
from keras_qd.tasks import Pipeline
from keras_qd.training.batches import training_batches, validation_batches

def peak():
    # Not getrusage: that counts what the parent had before this program began.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024

task = keras_qd.task("potential-to-density", scaling={"potential": "centered-standard"})
dataset = keras_qd.load("stored", path=sys.argv[1], memory_budget=int(sys.argv[2]))
before = peak()
pipeline = Pipeline.fit(task, dataset.split("train"), dataset.fields)
batches = training_batches(task, pipeline, dataset.split("train"), 0, 0)
validation = validation_batches(task, pipeline, dataset.split("validation"))
for each in (batches, validation):
    for index in range(len(each)):
        each[index]
print(peak() - before)
"""


@dataclass(frozen=True, kw_only=True)
class Waves(Recipe):
    """Images that cost nothing to make and little to keep."""

    kind = "waves"
    version = 1
    identity = "potential"
    batch = 64

    @property
    def fields(self):
        image = (N_PIXELS, N_PIXELS)
        return {name: Field(image) for name in ("potential", "density")}

    def make(self, indices):
        phase = np.array(indices)[:, None, None] / 100
        x = np.arange(N_PIXELS)
        potential = np.broadcast_to(np.sin(x / 8 + phase), (len(indices), N_PIXELS, N_PIXELS))
        return {"potential": np.round(potential, 2), "density": np.round(potential**2, 2)}


on_linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux' /proc")


@pytest.fixture(scope="module", params=[6500, pytest.param(20_000, marks=pytest.mark.slow)])
def path(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "waves.zarr"
    waves = Waves()
    write_store(path, waves.fields, waves.make, {"kind": "waves"}, n_samples=request.param)
    return path, request.param


def go_through(path, memory_budget):
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path), str(memory_budget)],
        env={**os.environ, "KERAS_BACKEND": keras.config.backend()},
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert process.returncode == 0, process.stderr
    return int(process.stdout)


@on_linux
@whole_chain
def test_memory_stays_within_bounds_where_the_split_does_not(path):
    path, n_samples = path
    whole = 0.8 * n_samples * PAIR_BYTES
    budget = 2**23
    assert whole > 12 * budget
    from_disk = go_through(path, budget)
    # Some 50 MB, whatever the number of samples: most of it is what is imported on the way.
    assert from_disk < 80e6 < whole / 2


@pytest.mark.slow
@on_linux
@whole_chain
def test_in_memory_the_split_takes_what_it_holds(path):
    path, n_samples = path
    assert go_through(path, 2**40) > 0.8 * n_samples * PAIR_BYTES
