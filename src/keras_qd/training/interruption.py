"""Interrupting a training between two batches, where nothing can swallow it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import keras


class StopBetweenBatches(keras.callbacks.Callback):
    """Ask after each batch whether the training was interrupted.

    Parameters
    ----------
    check : callable
        Raises ``KeyboardInterrupt`` if it was.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        super().__init__()
        self.check = check

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stop here if it was."""
        self.check()


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], None]]:
    """Keep an interrupt (Ctrl-C) until it is asked for; a second one acts at once.

    Python drops a ``KeyboardInterrupt`` that is raised while compiled code calls back into it, as
    the backends do during a step.

    Yields
    ------
    callable
        ``check()`` raises ``KeyboardInterrupt`` if there was an interrupt.
    """
    received = threading.Event()

    def remember(number: int, frame: FrameType | None) -> None:
        if received.is_set():
            raise KeyboardInterrupt
        received.set()

    def check() -> None:
        if received.is_set():
            raise KeyboardInterrupt

    previous = signal.getsignal(signal.SIGINT)
    ours = (
        previous is signal.default_int_handler
        and threading.current_thread() is threading.main_thread()
    )
    if ours:
        signal.signal(signal.SIGINT, remember)
    try:
        yield check
    finally:
        if ours:
            signal.signal(signal.SIGINT, previous)
