"""Generation to a server of objects that speaks S3, by real worker processes."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from recipes_for_tests import Noise

from keras_qd.data import generate, open_store, write_store
from keras_qd.data.store import writer
from keras_qd.errors import StoreError


class Losing:
    """Counts requests, and loses each `every`-th: some arrive, and only the answer is lost."""

    def __init__(self):
        self.every, self.count = None, 0

    def wrapped(self, application):
        """Return a server's application that loses requests."""

        def answer(environ, start_response):
            self.count += 1
            if self.every is None or self.count % self.every:
                return application(environ, start_response)
            if self.count % 2:
                list(application(environ, lambda *_: None))
            start_response("503 Service Unavailable", [("Content-Length", "0")])
            return [b""]

        return answer


@pytest.fixture(scope="module")
def losing():
    """Return the losses of the server, none at first."""
    return Losing()


@pytest.fixture(scope="module")
def bucket(losing):
    """Return the URL of a bucket, which workers find through the environment as well."""
    s3fs = pytest.importorskip("s3fs", reason="needs s3fs")
    pytest.importorskip("moto.server", reason="needs moto, the server")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    application = losing.wrapped(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", free_port(), application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        patch.setenv("AWS_MAX_ATTEMPTS", "3")
        s3fs.S3FileSystem(skip_instance_cache=True).mkdir("dots")
        yield "s3://dots"
    server.shutdown()


def free_port():
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_workers_fill_append_and_verify_a_store_of_objects(bucket, tmp_path):
    local = generate(tmp_path / "noise", Noise(), 22, workers=1)
    url = f"{bucket}/noise.zarr"
    assert generate(url, Noise(), 9, workers=2).digest() == local.digest(9)
    store = generate(url, Noise(), 22, workers=2)
    assert store.digest() == local.digest()
    assert store.damaged() == []
    assert open_store(url).path == url


def test_two_writers_write_identical_objects(bucket, tmp_path):
    url = f"{bucket}/both.zarr"
    with ThreadPoolExecutor() as threads:
        both = [threads.submit(write, url) for _ in range(2)]
    assert {each.result() for each in both} == {write(tmp_path / "alone.zarr")}
    assert open_store(url).damaged() == []


def write(path):
    """Write a store in this process, and return its digest."""
    recipe = Noise()
    return write_store(path, recipe.fields, recipe.make, {"kind": "noise"}, n_samples=40).digest()


def test_lost_requests_are_repeated(bucket, losing, monkeypatch, tmp_path):
    monkeypatch.setattr(losing, "every", 11)
    assert write(f"{bucket}/losing.zarr") == write(tmp_path / "alone.zarr")
    assert open_store(f"{bucket}/losing.zarr").damaged() == []
    assert losing.count > 20


def test_a_server_that_stops_answering_is_reported_and_what_is_finished_kept(
    bucket, losing, monkeypatch, tmp_path
):
    monkeypatch.setattr(writer, "shard_size", lambda fields: 10)
    recipe, url = Noise(), f"{bucket}/outage.zarr"

    def read(samples):
        if samples.start >= 20:
            losing.every = 1
        return recipe.make(samples)

    with pytest.raises(StoreError, match="cannot be reached"):
        write_store(url, recipe.fields, read, {"kind": "noise"}, n_samples=40)
    with pytest.raises(StoreError, match="cannot be reached"):
        open_store(url)
    losing.every = None
    assert open_store(url).n_finished == 20
    assert open_store(url).damaged() == []
    assert write(url) == write(tmp_path / "alone.zarr")


def test_a_missing_bucket_is_told(bucket):
    with pytest.raises(StoreError, match="bucket does not exist"):
        generate("s3://no-such-bucket/noise", Noise(), 4, workers=1)
