"""Work shared out among processes: order, progress, failures, and one thread each."""

import operator
import os
from concurrent.futures import BrokenExecutor

import pytest

from keras_qd._parallel import ONE_THREAD, Workers, map_in_processes, usable_cores
from keras_qd.errors import WorkerError


@pytest.mark.parametrize("n_workers", [1, 2])
def test_results_come_in_the_order_of_the_arguments_and_progress_counts_them(n_workers):
    seen = []
    results = map_in_processes(
        operator.sub,
        [9, 8, 7],
        [1, 2, 3],
        n_workers=n_workers,
        progress=lambda *numbers: seen.append(numbers),
    )
    assert results == [8, 6, 4]
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_failure_is_raised_as_it_is(n_workers):
    with pytest.raises(ZeroDivisionError):
        map_in_processes(operator.truediv, [1, 1], [1, 0], n_workers=n_workers)


def test_each_process_has_one_thread_and_this_one_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    threads = map_in_processes(os.getenv, ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS"], n_workers=2)
    assert threads == ["1", "1"]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "NUMBA_NUM_THREADS" not in os.environ
    assert set(ONE_THREAD.values()) == {"1"}


def test_arguments_must_be_equally_many():
    with pytest.raises(ValueError, match="shorter"):
        map_in_processes(operator.sub, [1, 2], [1], n_workers=1)


def test_no_arguments_make_no_processes():
    assert map_in_processes(operator.neg, [], n_workers=2) == []


def test_usable_cores_are_those_the_process_is_held_to():
    assert 1 <= usable_cores() <= os.cpu_count()


def test_a_worker_that_died_between_two_results_is_reported():
    class Broken:
        def submit(self, *arguments):
            raise BrokenExecutor("gone")

    with pytest.raises(WorkerError, match=r"worker process died.*run the same again"):
        list(Workers(Broken(), 1).run(abs, [(0, (1,))]))
