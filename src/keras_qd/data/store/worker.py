"""A worker process: makes shards of one store, told which through its standard input.

Started as ``python -m keras_qd.data.store.worker``. It reads one JSON object a line: first the
job, then the number of one shard at a time. It answers with JSON lines: ``{"made": n}`` as
samples get done, ``{"shard": i}`` when a shard is in the store, ``{"error": ...}`` when it must
give up. When its
input closes, it ends at once: no worker outlives whoever started it. A process of its own, rather
than one of `multiprocessing`, can be started from any script or notebook without a guard around its
main part, and has its threads under control from the first import on.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import Any, TextIO

from keras_qd.data.store.failure import describe_failure
from keras_qd.data.store.store import disk_errors


def main() -> None:
    """Serve one parent until it closes the connection."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr  # what a recipe prints must not get among the answers
    orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(orders,), daemon=True).start()
    try:
        _serve(orders, answers)
    except Exception as error:
        _answer(answers, error=describe_failure(error))


def _receive(orders: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    # The parent has ended or needs no more. Work in hand does not count yet and is left.
    os._exit(0)


def _serve(orders: queue.SimpleQueue[dict[str, Any]], answers: TextIO) -> None:
    from keras_qd.data.store.job import Job

    writer = Job(**orders.get()).open()
    while True:
        number = orders.get()["shard"]
        with disk_errors(writer.place):
            writer.write(number, on_made=lambda count: _answer(answers, made=count))
        _answer(answers, shard=number)


def _answer(answers: TextIO, **content: Any) -> None:
    answers.write(json.dumps(content) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
