"""Generation killed for good, again and again, ends with the same data."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from killing import assert_only_finished_counts, kill_after, kill_until_done, start
from recipes_for_tests import Noise

from keras_qd.data import generate, open_store
from keras_qd.errors import StoreError

#: Samples of a whole store, in 30 shards; those that a slow process makes take it seconds.
N = 120


def children(pid):
    """Process ids of the children of a process."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.fixture(scope="module")
def whole_digest(tmp_path_factory):
    """Return the digest of all samples made in one go."""
    return generate(tmp_path_factory.mktemp("whole") / "noise", Noise(), N, workers=1).digest()


@pytest.mark.parametrize(
    "kind",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
    ],
)
def test_killed_generation_goes_on_to_the_same_data(tmp_path, whole_digest, kind):
    path = tmp_path / "noise"
    process = start(path, N, "Noise(pause=0.05)")
    while not path.exists() or not open_store(path).n_finished:
        time.sleep(0.05)
    assert kill_after(process, 0.1, kind)
    assert_only_finished_counts(path)
    assert open_store(path).digest() is None
    assert generate(path, Noise(), N, workers=1).digest() == whole_digest


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for children in /proc")
def test_no_worker_outlives_its_killed_parent(tmp_path):
    path = tmp_path / "noise"
    process = start(path, 2000)
    while not path.exists():
        time.sleep(0.05)
    while len(workers := children(process.pid)) < 2:
        time.sleep(0.05)
    process.kill()  # alone: those in its session go on living
    process.wait()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(Path(f"/proc/{pid}").exists() for pid in workers):
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_a_second_writer_is_refused_and_a_dead_one_replaced(tmp_path):
    path = tmp_path / "noise"
    process = start(path, 2000)
    while not path.exists():
        time.sleep(0.05)
    with pytest.raises(StoreError, match="being written by another process"):
        generate(path, Noise(), 8, workers=1)
    assert kill_after(process, 0)
    assert generate(path, Noise(), 8, workers=1).unfinished(8) == []


def stop_a_worker(process, path):
    """Stop a worker that makes samples, and return its process id."""
    while not path.exists() or not open_store(path).n_finished:
        time.sleep(0.05)
    workers = [
        int(pid)
        for pid in children(process.pid)
        if b"popen_loky" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(workers[0], signal.SIGSTOP)
    return workers[0]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for children in /proc")
def test_a_stopped_worker_delays_the_end_and_changes_nothing(tmp_path, whole_digest):
    path = tmp_path / "noise"
    process = start(path, N, "Noise(pause=0.02)")
    worker = stop_a_worker(process, path)
    time.sleep(0.5)
    assert process.poll() is None
    assert_only_finished_counts(path)
    os.kill(worker, signal.SIGCONT)
    assert process.wait(timeout=60) == 0
    assert open_store(path).digest() == whole_digest


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for children in /proc")
def test_generation_with_a_stopped_worker_can_be_interrupted_and_resumed(tmp_path, whole_digest):
    path = tmp_path / "noise"
    process = start(path, N, "Noise(pause=0.02)")
    worker = stop_a_worker(process, path)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    assert not Path(f"/proc/{worker}").exists()
    assert generate(path, Noise(), N, workers=1).digest() == whole_digest


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_moment_and_lengthened(tmp_path, seed):
    path, generator = tmp_path / "noise", random.Random(seed)
    kills = kill_until_done(path, 150, generator) + kill_until_done(path, 401, generator)
    assert kills > 2
    whole = generate(tmp_path / "whole", Noise(), 401, workers=2)
    assert open_store(path).digest() == whole.digest()
