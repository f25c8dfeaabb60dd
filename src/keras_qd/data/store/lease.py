"""One writer at a time where there are no locks: a small object that its owner keeps renewing."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from types import TracebackType
from typing import Any

from keras_qd.errors import StoreError

#: Seconds between two renewals. Who finds a lease unchanged for three times as long takes it over.
BEAT = 4.0


class Lease:
    """Exclusive claim on a store of an object store, held through an object ``NAME.lock``.

    The owner writes the object anew every few seconds. One that stays as it is belonged to a
    process that was killed, and is taken over. No clocks are compared. It is a courtesy more than a
    guarantee: two writers that got in within the same moment make the same samples twice, bit for
    bit, and do no harm.

    Parameters
    ----------
    files : fsspec.AbstractFileSystem
        The file system.
    path : str
        The object, without the protocol.
    name : str
        What it is on, for messages.

    Raises
    ------
    StoreError
        On entering, if another process holds it.
    """

    def __init__(self, files: Any, path: str, name: str) -> None:
        self._files = files
        self._path = path
        self._name = name
        self._owner = f"process {os.getpid()} on {socket.gethostname()}"
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> Lease:
        if self._read():
            self._wait_for_its_end()
            self._put()
        else:
            self._create()
        self._renewing.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._renewing.join()
        with suppress(OSError):  # it will be taken over in a few seconds
            self._files.rm_file(self._path)

    def _content(self) -> bytes:
        """Return the owner and something new each time."""
        return f"{self._owner}\n{uuid.uuid4().hex}\n".encode()

    def _put(self) -> None:
        self._files.pipe_file(self._path, self._content())

    def _create(self) -> None:
        """Claim what nobody had a moment ago; stores that can, let only one writer do so."""
        try:
            self._files.pipe_file(self._path, self._content(), mode="create")
        except FileExistsError as error:
            raise StoreError(f"{self._name} is being written by another process") from error

    def _wait_for_its_end(self) -> None:
        """Watch the lease that is there; return when nobody has renewed it for long enough."""
        found = self._read()
        deadline = time.monotonic() + 3 * BEAT
        while time.monotonic() < deadline:
            time.sleep(BEAT / 4)
            if self._read() != found:
                owner = found.decode(errors="replace").splitlines()[:1] or ["another process"]
                raise StoreError(
                    f"{self._name} is being written by {owner[0]}; wait until it has finished, or "
                    "end it"
                )

    def _read(self) -> bytes:
        try:
            return bytes(self._files.cat_file(self._path))
        except FileNotFoundError:
            return b""

    def _renew(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(OSError):  # the next beat may get through
                self._put()
