"""Files are whole or not there."""

import multiprocessing
import os

import pytest

from keras_qd._files import (
    LockedError,
    locked,
    parse_json,
    remove_leftovers,
    replacing,
    temporary_path,
    write_json,
)


def write_half(path):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "values.json"
    write_json(path, {"a": 1})
    before = path.read_text()

    with pytest.raises(RuntimeError):
        write_half(path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_not_a_number_never_reaches_a_json_file(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "values.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_what_dead_processes_left_is_removed_and_nothing_else(tmp_path):
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    process.join()
    path = tmp_path / "model.keras"
    own = temporary_path(path)
    dead = own.with_name(own.name.replace(f"-{os.getpid()}.", f"-{process.pid}."))
    others = [
        own.with_name(own.name.replace(f"-{os.getpid()}.", f"-{os.getppid()}.")),  # which lives
        own.with_name(f".model.elsewhere-{process.pid}.partial.keras"),
        own.with_name(f".other{dead.name.removeprefix('.model')}"),
    ]
    for each in (dead, *others):
        each.write_text("half")
    with replacing(path) as temporary:
        temporary.write_text("whole")
    assert sorted(tmp_path.iterdir()) == sorted([*others, path])
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_is_held_once_and_follows_no_link(tmp_path):
    with locked(tmp_path / "run"), pytest.raises(LockedError), locked(tmp_path / "run"):
        pass
    (tmp_path / ".other.lock").symlink_to(tmp_path / "file")
    with pytest.raises(OSError, match="symbolic link"), locked(tmp_path / "other"):
        pass
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("text", ["[" * 10**6, "[" * 101 + "]" * 101, '{"a":' * 10**5, "{", ""])
def test_json_that_is_damaged_or_deep_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"nested|Expecting"):
        parse_json(text)
