"""A process that works for the page, so that drawing never waits: its own loop, and its owner."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, Protocol

from threadpoolctl import threadpool_limits

from keras_qd.errors import KerasQDError
from keras_qd.live.messages import Request, Send, pack

#: Starts within so many seconds after which a process is not started again.
_MOST_STARTS, _WITHIN = 5, 60.0

#: What a process works at -> the module that answers. Drafts have a process of their own, so that
#: a stroke never waits for the full solution of the one before.
ROLES = {
    "draft": "solving",
    "exact": "solving",
    "model": "predictions",
    "inverse": "inversion",
}

Answer = Callable[[Request, Send], None]


class _CancelledError(Exception):
    """The owner no longer wants the answers to a request."""


def work(connection: Connection, role: str, run: str | None) -> None:
    """Answer requests until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends, and closes the connection
    module = import_module(f"keras_qd.live.{ROLES[role]}")
    if role == "draft":
        threadpool_limits(1)  # its matrices are small
    answer: Answer = module.answer
    if role == "model":
        answer = partial(module.answer, *module.load(run))
    try:
        connection.send((0, None))
        while True:
            message = connection.recv()
            if isinstance(message, tuple):
                _attend(connection, answer, *message)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _attend(connection: Connection, answer: Answer, number: int, request: Request) -> None:
    """Send the answers to one request, unless it is cancelled between two of them."""

    def send(message: bytes) -> None:
        connection.send((number, message))
        if _cancelled(connection, number):
            raise _CancelledError

    try:
        answer(request, send)
    except _CancelledError:
        pass
    except (KerasQDError, MemoryError, ArithmeticError) as error:
        text = str(error) or "out of memory"
        connection.send((number, pack({"event": "error", "id": request.id, "message": text})))
    connection.send((number, None))


def _cancelled(connection: Connection, number: int) -> bool:
    """Whether the owner has cancelled this request; only cancellations come while it is busy."""
    found = False
    while connection.poll():
        found |= connection.recv() == number
    return found


class Session(Protocol):
    """A page that waits for answers."""

    def deliver(self, message: bytes) -> None:
        """Take a message for the page."""
        ...


@dataclass
class _Job:
    number: int
    session: Session
    request: Request
    cancelled: bool = False


class Worker:
    """Owner of one process: gives it the newest request of each page and kind, drops older ones."""

    def __init__(
        self, role: str, run: str | None, broadcast: Callable[[bytes], None] | None = None
    ) -> None:
        self.role, self._run = role, run
        self._broadcast = broadcast or (lambda message: None)
        self._waiting: dict[tuple[int, str], tuple[Session, Request]] = {}
        self._job: _Job | None = None
        self._ready = False
        self._number = 0
        self._starts: list[float] = []
        self.process: Any = None
        self._connection: Connection | None = None

    def submit(self, session: Session, request: Request) -> None:
        """Take a request in place of an older one of the same page and kind."""
        self._waiting[id(session), request.kind] = (session, request)
        if self._job is not None and self._replaces(session, request):
            self._cancel()
        if self.process is None:
            self._start()
        self._next()

    def drop(self, session: Session, before: int | None = None) -> None:
        """Forget the requests of a page, or those older than a number of the page."""

        def dropped(owner: Session, request: Request) -> bool:
            return owner is session and (before is None or request.id < before)

        self._waiting = {k: each for k, each in self._waiting.items() if not dropped(*each)}
        if self._job is not None and dropped(self._job.session, self._job.request):
            self._cancel()

    def close(self) -> None:
        """End the process."""
        if self._connection is not None:
            self._connection.close()
        if self.process is not None:
            self.process.terminate()
            self.process.join(5)
        self.process = self._connection = None

    def _replaces(self, session: Session, request: Request) -> bool:
        job = self._job
        return job is not None and job.session is session and job.request.kind == request.kind

    def _cancel(self) -> None:
        job = self._job
        if job is not None and not job.cancelled:
            job.cancelled = True
            self._send(job.number)

    def _start(self) -> None:
        """Start the process, which is ready when it says so, and a thread that listens to it."""
        now = time.monotonic()
        self._starts = [*(each for each in self._starts if now - each < _WITHIN), now]
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self.process = context.Process(
            target=work, args=(theirs, self.role, self._run), daemon=True, name=self.role
        )
        self.process.start()
        theirs.close()
        self._ready = False
        threading.Thread(
            target=_listen,
            args=(self._connection, asyncio.get_running_loop(), self._receive),
            daemon=True,
        ).start()

    def _receive(self, connection: Connection, message: tuple[int, bytes | None] | None) -> None:
        """Pass on an answer, take the next request, or notice the end of the process."""
        if connection is not self._connection:
            return
        if message is None:
            self._died()
            return
        number, answer = message
        job = self._job
        if number == 0:
            self._ready = True
        elif job is not None and number == job.number:
            if answer is None:
                job.session.deliver(pack({"event": "done", **_of(job.request)}))
                self._job = None
            else:
                # Also of a request that was replaced: while the pen moves every one is.
                job.session.deliver(answer)
        self._next()

    def _next(self) -> None:
        if self._ready and self._job is None and self._waiting:
            key = next(iter(self._waiting))
            session, request = self._waiting.pop(key)
            self._number += 1
            self._job = _Job(self._number, session, request)
            self._send((self._number, request))

    def _send(self, message: Any) -> None:
        if self._connection is not None:
            try:
                self._connection.send(message)
            except (BrokenPipeError, ConnectionResetError):
                return  # the thread that listens notices as well

    def _died(self) -> None:
        """Start the process anew, say so, and give up the request that it worked at."""
        process, job = self.process, self._job
        process.join(5)
        reason = f"The {self.role} process ended (exit code {process.exitcode})"
        self.process = self._connection = self._job = None
        again = len(self._starts) < _MOST_STARTS
        what = "it was started again" if again else "it ends too often; restart keras-qd live"
        self._broadcast(
            pack({"event": "restarted", "role": self.role, "message": f"{reason}; {what}."})
        )
        if job is not None:
            job.session.deliver(pack({"event": "done", **_of(job.request)}))
        if again:
            self._start()
        else:
            self._waiting.clear()


def _of(request: Request) -> dict[str, Any]:
    return {"kind": request.kind, "id": request.id}


def _listen(
    connection: Connection, loop: asyncio.AbstractEventLoop, receive: Callable[..., None]
) -> None:
    """Hand messages of a process to the event loop, and None at its end."""
    message: Any = ()
    while message is not None:
        try:
            message = connection.recv()
        except (EOFError, OSError):
            message = None
        if loop.is_closed():
            return
        loop.call_soon_threadsafe(receive, connection, message)
