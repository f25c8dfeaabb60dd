"""Stores at URLs: what a path or a URL means, and generating to an object store."""

import functools
import http.server
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from recipes_for_tests import Noise

from keras_qd.data import Wells, generate, open_store
from keras_qd.data.store import lease
from keras_qd.data.store.directory import Directory
from keras_qd.data.store.job import Job
from keras_qd.data.store.places import find_place
from keras_qd.data.store.writer import prepare_store
from keras_qd.data.wells import wells_1d
from keras_qd.errors import StoreError, UsageError


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_):
        pass


@pytest.fixture
def memory(monkeypatch):
    """Return an empty file system in memory, with leases that beat fast."""
    fsspec = pytest.importorskip("fsspec", reason="needs the extra 'remote'")
    monkeypatch.setattr(lease, "BEAT", 0.05)
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    return files


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """Return a store of 22 samples on the local disk."""
    return generate(tmp_path_factory.mktemp("local") / "noise", Noise(), 22, workers=1)


def fill(address, n_samples):
    """Make a store where no worker process could, and return it."""
    place = find_place(address)
    with place.locked():
        store = prepare_store(place, Noise(), n_samples)
        writer = Job.on(store, Noise()).open()
        for number in store.unfinished(n_samples):
            writer.write(number)
    return open_store(address)


def test_file_urls_are_directories(tmp_path, local):
    path = tmp_path / "with space"
    store = generate(path.as_uri(), Noise(), 22, workers=2)
    assert isinstance(find_place(path.as_uri()), Directory)
    assert store.path == path
    assert open_store(path).digest() == open_store(path.as_uri()).digest() == local.digest()


def test_another_process_reads_a_file_url(tmp_path):
    store = generate((tmp_path / "noise").as_uri(), Noise(), 4, workers=1)
    script = "import sys, keras_qd.data as d; print(d.open_store(sys.argv[1]).digest())"
    url = (tmp_path / "noise").as_uri()
    told = subprocess.run([sys.executable, "-c", script, url], capture_output=True, check=True)
    assert told.stdout.decode().strip() == store.digest()


def test_a_url_holds_the_same_data_and_is_lengthened(memory, local):
    assert fill("memory://bucket/noise.zarr", 7).digest() == local.digest(7)
    store = fill("memory://bucket/noise.zarr", 22)
    assert store.digest() == local.digest()
    assert store.damaged() == []
    assert store.path == "memory://bucket/noise.zarr"
    assert store.place.stored_bytes("image") == local.place.stored_bytes("image") > 22 * 64
    assert store.place.stored_bytes("nothing") is None
    np.testing.assert_array_equal(store.read("image"), local.read("image"))
    assert not memory.exists("/bucket/noise.zarr.lock")


def test_a_url_is_a_data_set(memory):
    place = find_place("memory://bucket/wells.zarr")
    store = prepare_store(place, Wells(n_points=16), 40)
    Job.on(store, Wells(n_points=16)).open().write(0)
    wells = wells_1d("memory://bucket/wells.zarr", n_points=16)
    sizes = [len(wells.split(name)["density"]) for name in ("train", "validation", "test")]
    assert sum(sizes) == 40
    assert wells.metadata["path"] == "memory://bucket/wells.zarr"


def test_a_store_is_there_once_its_root_is_written(memory, local, monkeypatch):
    written = []
    put = type(memory).pipe_file

    def dying(files, path, value, **options):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        put(files, path, value, **options)

    place = find_place("memory://bucket/noise")
    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "pipe_file", dying)
        with pytest.raises(KeyboardInterrupt):
            prepare_store(place, Noise(), 22)
    assert len(written) == 3
    with pytest.raises(StoreError, match="there is no data set at"):
        open_store(place.address)
    assert fill(place.address, 22).digest() == local.digest()


def test_what_is_no_store_is_left_alone(memory):
    memory.pipe_file("/bucket/thesis.txt", b"two years of work")
    with pytest.raises(StoreError, match=r"holds no Zarr group but thesis\.txt"):
        fill("memory://bucket", 4)
    assert [found for found in memory.find("/bucket") if "lock" not in found] == [
        "/bucket/thesis.txt"
    ]


def test_the_memory_of_this_process_is_out_of_reach_of_workers(memory):
    with pytest.raises(UsageError, match="workers cannot reach"):
        generate("memory://bucket/noise", Noise(), 4, workers=1)


def test_a_lease_keeps_a_second_writer_out_and_dies_with_its_owner(memory):
    place = find_place("memory://bucket/noise")
    message = f"being written by process {os.getpid()} on"
    with place.locked(), pytest.raises(StoreError, match=message):
        place.locked().__enter__()
    assert not memory.exists("/bucket/noise.lock")
    memory.pipe_file("/bucket/noise.lock", b"process 1 on a machine that was switched off\n")
    with place.locked():
        assert str(os.getpid()) in memory.cat_file("/bucket/noise.lock").decode()


def test_what_is_served_can_be_read(local):
    pytest.importorskip("aiohttp", reason="needs what fsspec needs for http")
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(QuietHandler, directory=local.path.parent)
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            store = open_store(f"http://127.0.0.1:{server.server_port}/{local.path.name}")
            assert store.digest() == local.digest()
            assert store.damaged() == []
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense://a/b", "Protocol not known: nonsense"),
        ("memory://nothing/here", "there is no data set at memory://nothing/here"),
    ],
)
def test_urls_that_lead_nowhere_are_told(memory, url, message):
    with pytest.raises(StoreError, match=message):
        open_store(url)


def test_without_fsspec_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(StoreError, match=r"pip install 'keras-qd\[remote\]'"):
        open_store("s3://bucket/noise")


def test_a_store_that_became_another_one_gets_no_more_samples(tmp_path):
    place = find_place(tmp_path / "noise")
    writer = Job.on(prepare_store(place, Noise(), 10), Noise()).open()
    writer.write(1)
    prepare_store(place, Noise(), 11)  # whoever ordered the work died, and was started anew
    with pytest.raises(StoreError, match="become another store"):
        writer.write(2)
    assert open_store(tmp_path / "noise").n_finished == 4
