"""A small store to damage, and how the command line must take what was done to it."""

import hashlib
import json
import shutil

import numpy as np

from keras_qd.data import Field, open_store, write_store
from tests.reliability import refuse

FIELDS = {
    "picture": Field((4, 4), "", "black", "uint8", (0.0, 255.0)),
    "density": Field((4, 4), "1/a0*^2", "density"),
    "energy": Field((), "Ha*", "energy", "float64"),
}
#: A shard holds four of the ten samples.
N_SAMPLES, SHARD = 10, 4
DESCRIPTION = {"kind": "wells", "box_length": 10.0, "seed": 3}


def make(samples):
    """Return samples, whose pictures equal what Zarr fills holes with."""
    numbers = np.arange(samples.start, samples.stop)
    generators = [np.random.default_rng(number) for number in numbers]
    return {
        "picture": np.zeros((len(numbers), 4, 4), "uint8"),
        "density": np.stack([each.normal(size=(4, 4)) for each in generators]),
        "energy": numbers / 3,
    }


def write(path):
    """Write the store, or repair or finish it, as its command does."""
    return write_store(path, FIELDS, make, DESCRIPTION, n_samples=N_SAMPLES, identity="density")


def inspect(path, match, *options):
    """Return the message with which ``inspect`` refuses a damaged store, which stays as it is."""
    return refuse("inspect", path, *options, folder=path.parent, match=match)


def repair(path, digest):
    """Run the command of a store again, and check that it ends with the same data."""
    store = write(path)
    assert store.digest() == digest
    assert store.damaged() == store.find_damage([]) == []
    assert not list(path.rglob("*.partial"))
    np.testing.assert_array_equal(open_store(path).read("energy"), np.arange(N_SAMPLES) / 3)


def read_root(path):
    """Return the whole metadata of the root, and what keras-qd has in there."""
    document = json.loads((path / "zarr.json").read_text())
    return document, document["attributes"]["keras_qd"]


def seal(document):
    """Give a root the checksum of its content, as one who knows the format would."""
    entries = document["attributes"]["keras_qd"]
    entries.pop("checksum", None)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    entries["checksum"] = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps(document)


def remove(path):
    """Remove a file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
