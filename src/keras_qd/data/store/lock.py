"""One writer at a time: an operating-system lock that a dead process cannot keep."""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from keras_qd.errors import StoreError

if sys.platform == "win32":  # pragma: no cover
    import msvcrt
else:
    import fcntl


class WriterLock:
    """Exclusive lock on a path, held through a file ``NAME.lock`` beside it.

    The kernel releases the lock when its process ends, however it ends: what a killed process
    leaves is an unlocked file, which the next writer takes over.

    Parameters
    ----------
    path : Path
        What to lock. It need not exist.

    Raises
    ------
    StoreError
        On entering, if another process holds the lock, or if the file system has no locks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.with_name(path.name + ".lock")
        self._descriptor: int | None = None

    def __enter__(self) -> WriterLock:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        while self._descriptor is None:
            self._descriptor = self._acquire()
        with suppress(OSError):  # on a full disk there is a lock all the same, if without a name
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            with suppress(OSError):  # a file system that lost the file has nothing to tidy
                self._file.unlink()
            os.close(self._descriptor)
            self._descriptor = None

    def _acquire(self) -> int | None:
        """Lock the file and return its descriptor, or None if it was removed in between."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(descriptor)
            # The holder before us may have removed the file between our opening and our locking it.
            if os.fstat(descriptor).st_ino == os.stat(self._file).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        except OSError as error:
            os.close(descriptor)
            raise self._refusal(error) from error
        os.close(descriptor)
        return None

    def _refusal(self, error: OSError) -> StoreError:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            return StoreError(f"{self._path} cannot be locked for writing: {error}")
        owner = self._file.read_text(encoding="utf-8", errors="replace").split()
        who = f"process {owner[0]} on {owner[1]}" if len(owner) == 2 else "another process"
        return StoreError(
            f"{self._path} is being written by {who}; wait until it has finished, or end it"
        )


def _lock(descriptor: int) -> None:
    """Take the lock without waiting.

    Raises
    ------
    OSError
        With EACCES or EAGAIN if another process holds it.
    """
    if sys.platform == "win32":  # pragma: no cover
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
