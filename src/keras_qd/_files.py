"""Files that are whole or not there, after a power cut as well, and locks that follow no links."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

#: Names a process of a machine in the names of its temporary files.
_HOST = re.sub(r"[^A-Za-z0-9]+", "-", socket.gethostname()) or "host"
#: More nested JSON than this is not a file of keras-qd, and would exhaust the stack.
_DEEPEST = 100


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path with the suffix of `path`, which it replaces if the block succeeds."""
    make_folders(path.parent)
    temporary = temporary_path(path)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_path(path: Path) -> Path:
    """Return a path beside `path` for this process; those of dead processes are removed."""
    parts = re.escape(path.stem), re.escape(_HOST), re.escape(path.suffix)
    pattern = re.compile(r"\.{}\.{}-(\d+)\.partial{}".format(*parts))
    for each in path.parent.iterdir():
        found = pattern.fullmatch(each.name)
        if found and not _is_alive(int(found[1])):
            remove(each)
    return path.with_name(f".{path.stem}.{_HOST}-{os.getpid()}.partial{path.suffix}")


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files below a folder that nobody else writes into: the caller locks it."""
    for each in folder.rglob("*.partial*"):
        remove(each)


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # there a signal would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON to `path` atomically."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def parse_json(content: str | bytes) -> Any:
    """Return what JSON text holds; raise a ValueError if it is damaged or nested too deeply."""
    try:
        value = json.loads(content)
        _check_depth([value], 0)
    except RecursionError:
        raise ValueError(f"its JSON is nested more than {_DEEPEST} deep") from None
    return value


def _check_depth(values: Iterable[Any], depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"its JSON is nested more than {_DEEPEST} deep")
    for each in values:
        if isinstance(each, dict | list):
            _check_depth(each.values() if isinstance(each, dict) else each, depth + 1)


def write_synced(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, sync it and rename it; the folder is not synced yet."""
    temporary = path.with_name(f"{path.name}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def make_folders(path: Path) -> None:
    """Make a folder and its parents, and sync the parents of the new ones."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        sync_folder(each.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class LockedError(Exception):
    """Another process holds the lock."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock ``.NAME.lock`` beside the real path; that of a dead process is free."""
    # By the real path, so that a link to the same thing has the same lock.
    real = path.resolve()
    make_folders(real.parent)
    file = real.with_name(f".{real.name}.lock")
    if file.is_symlink():  # filelock opens it without following links (O_NOFOLLOW)
        raise OSError(f"{file} is a symbolic link; remove it: a lock must be a file of its own")
    held = FileLock(file, timeout=0)
    try:
        held.acquire()
    except Timeout:
        raise LockedError(str(path)) from None
    try:
        yield
    finally:
        held.release()
