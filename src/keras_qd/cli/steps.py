"""What several verbs do on the way: make the data, evaluate a run, print where files are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_qd.cli.progress import counting
from keras_qd.cli.verdicts import print_cost, print_scores
from keras_qd.errors import RunError, StoreError
from keras_qd.registry import components

if TYPE_CHECKING:
    from keras_qd.data.dataset import Dataset
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.tasks.task import Task
    from keras_qd.training.run import Run


def load_dataset(task: Task) -> Dataset:
    """Load the data set of `task`, with a progress bar where it has to be made first."""
    if "progress" not in inspect.signature(_builder(task)).parameters:
        return task.load_dataset()
    with counting(task.dataset, "samples") as count:
        return task.load_dataset(progress=count)


def on_store(task: Task) -> Task:
    """Return `task` so that it reads the store it was given, if it was given one.

    Data sets that come as stores themselves know what to make of it. For the others, whose ``path``
    means something else or which have none, it is the data set ``stored``.
    """
    path = task.dataset_config.get("path")
    reads_stores = "memory_budget" in inspect.signature(_builder(task)).parameters
    if path is None or reads_stores or not _is_store(path):
        return task
    return task.replace(dataset="stored", dataset_config={"path": path})


def _builder(task: Task) -> Callable[..., Dataset]:
    builder: Callable[..., Dataset] = components("datasets").get(task.dataset)
    return builder


def _is_store(path: str) -> bool:
    from keras_qd.data.store.store import open_store

    try:
        open_store(path)
    except StoreError:
        return False
    return True


@contextmanager
def resumable(command: str) -> Iterator[None]:
    """Turn an interruption into an error that says how to go on.

    Parameters
    ----------
    command : str
        The command that goes on.

    Raises
    ------
    RunError
        If the block is interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise RunError(f"stopped; go on with: {command}") from None


def evaluate_and_report(run: Run) -> Evaluation:
    """Evaluate `run` on its test split, and write its report."""
    from keras_qd.evaluation._evaluate import evaluate
    from keras_qd.report.report import write_report

    click.echo("evaluating on the test split", err=True)
    evaluation = evaluate(run)
    write_report(run)
    return evaluation


def print_verdict(run: Run, evaluation: Evaluation) -> None:
    """Print the scores, where the report is, and what to do next."""
    click.echo()
    print_scores(evaluation)
    print_cost(evaluation)
    click.echo(f"\nreport: {run.path / 'report.html'}\n\nnext:")
    click.echo(f"  keras-qd evaluate {run.path} --split validation")
    click.echo(f"  keras-qd predict {run.path} INPUT.npz --out PREDICTION.npz")


def free_path(path: Path) -> Path:
    """Return `path`, or the first of path-2, path-3, ... that does not exist yet."""
    candidate, count = path, 1
    while candidate.exists():
        count += 1
        candidate = path.with_name(f"{path.name}-{count}")
    return candidate
