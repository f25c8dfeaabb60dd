"""A disk that is full, in earnest: what is finished is kept, and goes on once there is room."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from recipes_for_tests import Noise

from keras_qd.data import generate, open_store

RECIPE = Noise(n_pixels=32)
N_SAMPLES = 22

#: Fills a small file system of its own again and again, makes it a little larger each time, and
#: ends with the digest. What was refused is counted.
FILLING = """
import subprocess, sys
from recipes_for_tests import Noise
from keras_qd.data import generate, open_store
from keras_qd.errors import StoreError

folder, size, refused = sys.argv[1], 8, 0
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", folder], check=True)
while True:
    try:
        store = generate(folder + "/noise", Noise(n_pixels=32), 22, workers=1)
        break
    except StoreError as error:
        assert "no space left on the disk of" in str(error), error
        refused += 1
        try:
            store = open_store(folder + "/noise")
        except StoreError as nothing:
            assert "there is no data set" in str(nothing), nothing
        else:
            assert store.damaged() == []
            assert store.digest() is None
    size += 64
    subprocess.run(["mount", "-o", f"remount,size={size}k", folder], check=True)
print(refused, store.digest())
"""

#: Generates where no file may become larger than some bytes.
LIMITED = """
import resource, sys
from recipes_for_tests import Noise
from keras_qd.data import generate

resource.setrlimit(resource.RLIMIT_FSIZE, (6000, resource.RLIM_INFINITY))
generate(sys.argv[1], Noise(n_pixels=32), 22, workers=1)
"""


def run(script, path, *command):
    """Run a script that can import the tests' recipes, and return the finished process."""
    search = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    return subprocess.run(
        [*command, sys.executable, "-c", script, str(path)],
        env=os.environ | {"PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def may_mount():
    """Whether this user may mount a file system where nobody else sees it."""
    if not shutil.which("unshare"):
        return False
    command = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def whole_digest(tmp_path_factory):
    """Return the digest of the samples made where there is room."""
    path = tmp_path_factory.mktemp("whole") / "noise"
    return generate(path, RECIPE, N_SAMPLES, workers=1).digest()


@pytest.mark.skipif(not may_mount(), reason="needs a mount namespace (Linux, unshare)")
def test_a_disk_that_fills_up_at_every_stage(tmp_path, whole_digest):
    done = run(FILLING, tmp_path, "unshare", "--map-root-user", "--mount")
    assert done.returncode == 0, done.stderr
    refused, digest = done.stdout.split()
    assert int(refused) > 2
    assert digest == whole_digest


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of processes")
def test_a_file_that_may_not_grow(tmp_path, whole_digest):
    done = run(LIMITED, tmp_path / "noise")
    assert done.returncode != 0
    assert "no space left on the disk of" in done.stderr
    assert open_store(tmp_path / "noise").n_finished == 0
    assert generate(tmp_path / "noise", RECIPE, N_SAMPLES, workers=1).digest() == whole_digest
