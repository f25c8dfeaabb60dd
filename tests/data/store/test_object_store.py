"""Generation to a server of objects that speaks S3, by real worker processes."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from recipes_for_tests import Noise

from keras_qd.data import generate, open_store, write_store
from keras_qd.errors import StoreError

pytest.importorskip("s3fs", reason="needs s3fs")
moto = pytest.importorskip("moto.server", reason="needs moto, the server")


@pytest.fixture(scope="module")
def bucket(tmp_path_factory):
    """Return the URL of a bucket, which workers find through the environment as well."""
    import s3fs

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=free_port())
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        s3fs.S3FileSystem(skip_instance_cache=True).mkdir("dots")
        yield "s3://dots"
    server.stop()


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


def test_a_missing_bucket_is_told(bucket):
    with pytest.raises(StoreError, match="bucket does not exist"):
        generate("s3://no-such-bucket/noise", Noise(), 4, workers=1)
