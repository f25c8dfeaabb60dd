"""Stores at URLs: what a path or a URL means, and generating to an object store."""

import functools
import http.server
import subprocess
import sys
import threading

import numpy as np
import pytest
from recipes_for_tests import Noise

from keras_qd.data import Wells, generate, open_store
from keras_qd.data.store.generate import contents_of
from keras_qd.data.store.location import Directory, locate
from keras_qd.data.store.writer import prepare_store
from keras_qd.data.wells import wells_1d
from keras_qd.errors import StoreError


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_):
        pass


@pytest.fixture
def memory():
    """Return an empty file system in memory."""
    fsspec = pytest.importorskip("fsspec", reason="needs the extra 'remote'")
    files = fsspec.filesystem("memory")
    files.store.clear()
    files.pseudo_dirs[:] = [""]
    return files


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """Return a store of 22 samples on the local disk."""
    return generate(tmp_path_factory.mktemp("local") / "noise", Noise(), 22, workers=1)


def test_file_urls_are_directories(tmp_path, local):
    path = tmp_path / "with space"
    store = generate(path.as_uri(), Noise(), 22, workers=1)
    assert isinstance(locate(path.as_uri()), Directory)
    assert store.path == path
    assert open_store(path).digest() == open_store(path.as_uri()).digest() == local.digest()


def test_another_process_reads_a_file_url(tmp_path):
    store = generate((tmp_path / "noise").as_uri(), Noise(), 4, workers=1)
    script = "import sys, keras_qd.data as d; print(d.open_store(sys.argv[1]).digest())"
    url = (tmp_path / "noise").as_uri()
    told = subprocess.run([sys.executable, "-c", script, url], capture_output=True, check=True)
    assert told.stdout.decode().strip() == store.digest()


def test_a_url_holds_the_same_data_and_is_lengthened(memory, local):
    assert generate("memory://bucket/noise.zarr", Noise(), 7, workers=1).digest() == local.digest(7)
    store = generate("memory://bucket/noise.zarr", Noise(), 22, workers=1)
    assert store.digest() == local.digest()
    assert store.damaged() == []
    assert store.path == "memory://bucket/noise.zarr"
    assert store.location.stored_bytes("image") == local.location.stored_bytes("image") > 22 * 64
    assert store.location.stored_bytes("nothing") is None
    np.testing.assert_array_equal(store.read("image"), local.read("image"))


def test_a_url_is_a_data_set(memory):
    generate("memory://bucket/wells.zarr", Wells(n_points=48), 40, workers=1)
    wells = wells_1d("memory://bucket/wells.zarr", n_points=48)
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

    location = locate("memory://bucket/noise")
    with monkeypatch.context() as patch:
        patch.setattr(type(memory), "pipe_file", dying)
        with pytest.raises(KeyboardInterrupt):
            prepare_store(location, contents_of(Noise()), 22)
    assert len(written) == 3
    with pytest.raises(StoreError, match="there is no data set at"):
        open_store(location.address)
    assert generate(location.address, Noise(), 22, workers=1).digest() == local.digest()


def test_what_is_no_store_is_left_alone(memory):
    memory.pipe_file("/bucket/thesis.txt", b"two years of work")
    with pytest.raises(StoreError, match=r"holds no Zarr group but thesis\.txt"):
        generate("memory://bucket", Noise(), 4, workers=1)
    assert [found for found in memory.find("/bucket") if "lock" not in found] == [
        "/bucket/thesis.txt"
    ]


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


def test_only_one_writer_holds_a_directory(tmp_path):
    location = locate(tmp_path / "deep" / "store")
    message = "store is being written by another process"
    with location.lock(), pytest.raises(StoreError, match=message), location.lock():
        pass
    with pytest.raises(ZeroDivisionError), location.lock():
        raise ZeroDivisionError
    with location.lock():  # an error inside has freed it
        pass


def test_a_link_to_a_store_has_the_lock_of_the_store(tmp_path):
    generate(tmp_path / "store", Noise(), 4, workers=1)
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link"
    link.symlink_to(tmp_path / "store")
    message = "link is being written by another process"
    with locate(tmp_path / "store").lock(), pytest.raises(StoreError, match=message):
        generate(link, Noise(), 9, workers=1)
    assert generate(link, Noise(), 9, workers=1).digest() == open_store(tmp_path / "store").digest()
    assert sorted(each.name for each in (tmp_path / "elsewhere").iterdir()) == ["link"]


def test_a_link_in_the_way_of_the_lock_file_is_refused_and_what_it_leads_to_is_kept(tmp_path):
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("two years of work")
    (tmp_path / ".store.lock").symlink_to(thesis)
    with pytest.raises(StoreError, match=r"\.store\.lock is a symbolic link; remove it"):
        generate(tmp_path / "store", Noise(), 4, workers=1)
    assert thesis.read_text() == "two years of work"
    assert not (tmp_path / "store").exists()
