"""The lock of a store against a second writer."""

import os

import pytest

from keras_qd.data.store.lock import WriterLock
from keras_qd.errors import StoreError


def test_only_one_holds_it(tmp_path):
    path = tmp_path / "deep" / "store"
    message = rf"store is being written by process {os.getpid()}"
    with WriterLock(path), pytest.raises(StoreError, match=message):
        WriterLock(path).__enter__()
    with WriterLock(path):
        pass
    assert list(path.parent.iterdir()) == []


def test_an_error_inside_releases_it(tmp_path):
    with pytest.raises(ZeroDivisionError), WriterLock(tmp_path / "store"):
        raise ZeroDivisionError
    with WriterLock(tmp_path / "store"):
        pass


def test_a_file_that_nobody_locks_is_taken_over(tmp_path):
    (tmp_path / "store.lock").write_text("1 elsewhere\n")
    with WriterLock(tmp_path / "store"):
        assert (tmp_path / "store.lock").read_text().split()[0] == str(os.getpid())
