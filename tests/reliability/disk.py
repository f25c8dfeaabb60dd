"""A disk that loses what was not synced: records what a program does, and cuts the power after it.

Of a file it keeps what was there when the file was last synced; of a folder, the names that it had
when the folder was. Whether names that were not synced are kept all the same is drawn by lot.
"""

import hashlib
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass(eq=False)
class File:
    """A file, and its content at the last sync."""

    synced: bytes = b""


@dataclass(eq=False)
class Folder:
    """A folder: its names as the program sees them, and at the last sync."""

    names: dict = field(default_factory=dict)
    synced: dict = field(default_factory=dict)


class Disk:
    """What a program does below a folder, event by event."""

    def __init__(self, root, *, syncs=True):
        self.root, self.events, self._syncs = Path(root), [], syncs

    @contextmanager
    def recording(self):
        """Record what the block does."""
        actions = {
            "fsync": os.fsync,
            "replace": os.replace,
            "mkdir": os.mkdir,
            "unlink": os.unlink,
            "rename": os.rename,
        }

        def watched(name):
            def act(first, *others, **settings):
                done = actions[name](first, *others, **settings)
                self._record(name, first, *others[:1])
                return done

            return act

        with pytest.MonkeyPatch.context() as patch:
            for name in actions:
                patch.setattr(os, name, watched(name))
            yield

    def note(self, promise):
        """Record what the program has reported: from now on it must survive."""
        self.events.append(("note", promise))

    def _record(self, name, first, second=None):
        if name == "fsync":
            if not self._syncs:
                return
            path = Path(os.readlink(f"/proc/self/fd/{first}"))
            content = None if path.is_dir() else path.read_bytes()
            self._add("sync", path, content)
        elif name in ("replace", "rename"):
            self._add("rename", Path(first), Path(second))
        else:
            self._add(name, Path(first), None)

    def _add(self, name, path, other):
        if path.is_relative_to(self.root):
            self.events.append((name, path, other))

    def after(self, count):
        """Return the root as it is after so many events, and what had been reported."""
        root, notes = Folder(), []
        for name, *arguments in self.events[:count]:
            if name == "note":
                notes += arguments
            else:
                getattr(self, f"_{name}")(root, *arguments)
        return root, notes

    def _parent(self, root, path):
        found = root
        for name in path.relative_to(self.root).parts[:-1]:
            found = found.names[name]
        return found

    def _sync(self, root, path, content):
        if path == self.root:
            root.synced = dict(root.names)
            return
        names = self._parent(root, path).names
        if content is None:
            names[path.name].synced = dict(names[path.name].names)
        else:
            names.setdefault(path.name, File()).synced = content

    def _rename(self, root, path, other):
        moved = self._parent(root, path).names.pop(path.name, None)
        self._parent(root, other).names[other.name] = moved or File()

    def _mkdir(self, root, path, _):
        self._parent(root, path).names[path.name] = Folder()

    def _unlink(self, root, path, _):
        self._parent(root, path).names.pop(path.name, None)


def write_out(found, path, keep):
    """Write what is left of a folder; `keep()` says whether names that were not synced are."""
    path.mkdir(parents=True, exist_ok=True)
    for name, each in (found.names if keep() else found.synced).items():
        if isinstance(each, Folder):
            write_out(each, path / name, keep)
        else:
            (path / name).write_bytes(each.synced)


def fingerprint(path):
    """Return a hash of all that is below a folder."""
    digest = hashlib.sha256()
    for each in sorted(path.rglob("*")):
        content = each.read_bytes() if each.is_file() else b"folder"
        digest.update(f"{each.relative_to(path)} {len(content)} ".encode() + content)
    return digest.digest()
