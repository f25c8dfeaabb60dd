"""Generation on a real Dask cluster: worker processes that die, drivers that die, the same data."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from recipes_for_tests import Failing, Noise

from keras_qd import _parallel
from keras_qd.data import generate, open_store
from keras_qd.errors import ClusterError, PhysicsError, UsageError

dask = pytest.importorskip("dask", reason="needs the extra 'dask'")
distributed = pytest.importorskip("distributed", reason="needs the extra 'dask'")

#: Samples of a whole store, in 30 shards.
N = 120

# As in killing.py.
SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from recipes_for_tests import Noise
from keras_qd.data import generate

generate(sys.argv[1], Noise(pause=0.03), int(sys.argv[3]), scheduler=sys.argv[2])
"""


@pytest.fixture(scope="module")
def dask_cluster():
    """Return a running cluster of two worker processes."""
    settings = {"distributed.scheduler.allowed-failures": 1}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0"
        ) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def whole_digest(tmp_path_factory):
    """Return the digest of all samples made by one process on this machine."""
    return generate(tmp_path_factory.mktemp("whole") / "noise", Noise(), N, workers=1).digest()


def worker_processes(running):
    """Return the process ids of the workers that are there."""
    return [nanny.pid for nanny in running.workers.values() if nanny.pid]


def test_a_cluster_makes_the_same_bits_and_tells_its_progress(tmp_path, dask_cluster, whole_digest):
    told = []
    store = generate(
        tmp_path / "noise",
        Noise(),
        N,
        scheduler=dask_cluster.scheduler_address,
        progress=lambda done, total: told.append((done, total)),
    )
    assert store.digest() == whole_digest
    assert (told[0], told[-1]) == ((0, N), (N, N))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) > 10


def test_a_client_serves_as_well_and_appends(tmp_path, dask_cluster, whole_digest):
    with distributed.Client(dask_cluster, set_as_default=False) as client:
        generate(tmp_path / "noise", Noise(), 7, scheduler=client)
        store = generate(tmp_path / "noise", Noise(), N, scheduler=client)
        assert store.digest() == whole_digest
        assert client.status == "running"


def test_a_worker_killed_at_work_is_replaced(tmp_path, dask_cluster, whole_digest):
    killed = threading.Event()

    def kill_one(done, total):
        if done > 40 and not killed.is_set():
            os.kill(worker_processes(dask_cluster)[0], signal.SIGKILL)
            killed.set()

    store = generate(
        tmp_path / "noise",
        Noise(pause=0.03),
        N,
        scheduler=dask_cluster.scheduler_address,
        progress=kill_one,
    )
    assert killed.is_set()
    assert store.digest() == whole_digest
    assert store.damaged() == []


@pytest.mark.slow
def test_a_shard_that_killed_one_worker_goes_to_another(tmp_path, dask_cluster, whole_digest):
    recipe = Failing(failure="dies_once", until=str(tmp_path / "died"))
    store = generate(tmp_path / "noise", recipe, N, scheduler=dask_cluster.scheduler_address)
    assert (tmp_path / "died").exists()
    assert store.digest() == whole_digest


@pytest.mark.slow
def test_a_shard_that_kills_every_worker_is_given_up(tmp_path, dask_cluster, whole_digest):
    path, until = tmp_path / "noise", tmp_path / "mended"
    recipe = Failing(failure="dies", until=str(until))
    with pytest.raises(ClusterError, match=r"KilledWorker.*run the same again to resume"):
        generate(path, recipe, 40, scheduler=dask_cluster.scheduler_address)
    until.touch()
    generate(path, recipe, N, scheduler=dask_cluster.scheduler_address)
    assert open_store(path).digest() == whole_digest


def test_errors_of_the_recipe_arrive_as_they_are(tmp_path, dask_cluster):
    with pytest.raises(PhysicsError, match="sample 9: the potential is too sharp") as caught:
        generate(
            tmp_path / "noise",
            Failing(failure="refused"),
            40,
            scheduler=dask_cluster.scheduler_address,
        )
    assert any("In process" in note for note in caught.value.__notes__)


@pytest.mark.parametrize(
    "kind", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_killed_driver_leaves_a_store_that_goes_on(tmp_path, dask_cluster, whole_digest, kind):
    path = tmp_path / "noise"
    search = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    driver = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), dask_cluster.scheduler_address, str(N)],
        env=os.environ | {"PYTHONPATH": search},
        stderr=subprocess.DEVNULL,
    )
    while not (path.exists() and open_store(path).n_finished):
        assert driver.poll() is None
        time.sleep(0.05)
    driver.send_signal(kind)
    assert driver.wait() != 0
    assert open_store(path).damaged() == []
    assert open_store(path).digest() is None
    store = generate(path, Noise(), N, scheduler=dask_cluster.scheduler_address)
    assert store.digest() == whole_digest
    assert store.damaged() == []


def test_a_cluster_in_this_process_can_fill_its_memory():
    pytest.importorskip("fsspec")
    with (
        distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as running,
        distributed.Client(running, set_as_default=False) as client,
    ):
        store = generate("memory://cluster/noise", Noise(), 12, scheduler=client)
        assert open_store("memory://cluster/noise").digest() == store.digest()


def test_a_scheduler_that_is_not_there_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(_parallel, "TIMEOUT", 1)
    started = time.monotonic()
    with pytest.raises(ClusterError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:9'"):
        generate(tmp_path / "noise", Noise(), 4, scheduler="tcp://127.0.0.1:9")
    assert time.monotonic() - started < 10
    with pytest.raises(ClusterError, match="no Dask scheduler answers at 'nonsense'"):
        generate(tmp_path / "noise", Noise(), 4, scheduler="nonsense")
    assert not (tmp_path / "noise").exists()


def test_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"pip install 'keras-qd\[dask\]'"):
        generate(tmp_path / "noise", Noise(), 4, scheduler="tcp://127.0.0.1:9")
    assert not (tmp_path / "noise").exists()


def test_workers_and_a_scheduler_exclude_each_other(tmp_path):
    with pytest.raises(UsageError, match="workers or a scheduler"):
        generate(tmp_path / "noise", Noise(), 4, workers=2, scheduler="tcp://127.0.0.1:9")


def test_a_cluster_that_ends_is_told(tmp_path):
    path = tmp_path / "noise"
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0"
    ) as running:

        def close(done, total):
            if done == 8:
                running.close()

        with pytest.raises(ClusterError, match="run the same"):
            generate(
                path, Noise(pause=0.02), N, scheduler=running.scheduler_address, progress=close
            )
    assert open_store(path).damaged() == []
