"""The power is cut after every single system call, and what was not synced is lost."""

import itertools
import random
import sys

import numpy as np
import pytest

from keras_qd._files import write_text
from keras_qd.data import Field, open_store, write_store
from keras_qd.data.store import writer
from keras_qd.errors import StoreError
from tests.reliability.disk import Disk, fingerprint, write_out

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for names of files")


def write(path, n_samples, progress=None):
    """Write numbers into a store, four to a shard."""
    return write_store(
        path,
        {"number": Field((), "", "a number", "float64")},
        lambda samples: {"number": np.arange(samples.start, samples.stop) / 7},
        {"kind": "numbers"},
        n_samples=n_samples,
        progress=progress,
    )


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    """Let a shard hold four samples."""
    monkeypatch.setattr(writer, "shard_size", lambda fields: 4)


def recorded(root, *, syncs=True):
    """Return a disk on which a store was made, and then made longer."""
    root.mkdir()
    disk = Disk(root, syncs=syncs)
    with disk.recording():
        for n_samples in (6, 10):
            write(root / "deep" / "data.zarr", n_samples, lambda done, total: disk.note(done))
    return disk


def cuts(disk, folder):
    """Yield a folder for each different state after a cut, and the samples reported until then."""
    seen = set()
    lots = random.Random(1)
    ways = [lambda: True, lambda: False, lambda: lots.random() < 0.5]
    for count in range(1, len(disk.events) + 1):
        root, notes = disk.after(count)
        for number, keep in enumerate(ways):
            path = folder / f"{count}-{number}"
            write_out(root, path, keep)
            state = fingerprint(path), *notes
            if state not in seen:
                seen.add(state)
                yield path, notes[-1] if notes else 0


def finished(path):
    """Return the samples that a store holds, if there is one, all of which must be right."""
    if not (path / "zarr.json").exists():
        with pytest.raises(StoreError, match=r"there is no data set|no Zarr group"):
            open_store(path)
        return 0
    store = open_store(path)
    assert store.damaged() == []
    whole = itertools.takewhile(lambda entry: entry.count, store.entries())
    count = sum(entry.count for entry in whole)
    np.testing.assert_array_equal(store.read("number", np.arange(count)), np.arange(count) / 7)
    return count


def test_a_cut_after_any_event_loses_nothing_that_was_reported(tmp_path):
    disk = recorded(tmp_path / "disk")
    digest = open_store(tmp_path / "disk" / "deep" / "data.zarr").digest()
    states = 0
    for folder, reported in cuts(disk, tmp_path / "cut"):
        path = folder / "deep" / "data.zarr"
        assert finished(path) >= reported
        assert write(path, 10).digest() == digest
        assert not [each for each in folder.rglob("*") if "partial" in each.name]
        states += 1
    assert states > 50


def test_without_syncs_samples_that_were_reported_are_lost(tmp_path):
    """The simulated disk does lose what is not synced."""
    disk = recorded(tmp_path / "disk", syncs=False)
    lost = 0
    for folder, reported in cuts(disk, tmp_path / "cut"):
        try:
            lost += finished(folder / "deep" / "data.zarr") < reported
        except (AssertionError, StoreError):
            lost += 1
    assert lost > 10


def test_a_file_is_the_old_or_the_new_one(tmp_path):
    (tmp_path / "disk").mkdir()
    disk, path = Disk(tmp_path / "disk"), tmp_path / "disk" / "new" / "values.json"
    with disk.recording():
        for text in ("old", "new"):
            write_text(path, text)
            disk.note(text)
    for folder, _ in cuts(disk, tmp_path / "cut"):
        found = folder / "new" / "values.json"
        assert not found.exists() or found.read_text() in ("old", "new")
    root, notes = disk.after(len(disk.events))
    assert notes == ["old", "new"]
    write_out(root, tmp_path / "end", lambda: False)
    assert (tmp_path / "end" / "new" / "values.json").read_text() == "new"
