"""``keras-qd demo``: a small complete run, from data to report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_qd import registry
from keras_qd.cli.options import COUNT, MOST, OutputPath, as_json, backend, seed
from keras_qd.cli.output import counting, echo, format_seconds, print_json, training_progress
from keras_qd.cli.train import evaluate_and_report, free_path, print_evaluation, resumable

if TYPE_CHECKING:
    from keras_qd.tasks.task import Task
    from keras_qd.training.run import Run

#: Chosen so that everything takes four to five minutes on two processor cores.
EPOCHS = 20


@click.command("demo")
@click.option(
    "--out",
    type=OutputPath(),
    default=Path("runs/demo"),
    show_default=True,
    help="Run directory; the data set is written next to it.",
)
@click.option(
    "--samples",
    type=click.IntRange(50, MOST),
    default=2500,
    show_default=True,
    help="Dots to solve; a tenth of them is for validation, a tenth for the test.",
)
@click.option(
    "--epochs",
    type=COUNT,
    default=EPOCHS,
    show_default=True,
    help="Passes over the training split.",
)
@seed
@backend
@as_json
def command(out: Path, samples: int, epochs: int, seed: int, as_json: bool) -> None:
    """Make data, train, evaluate and report: a small complete run in a few minutes.

    Solves random two-electron dots exactly, trains pix2pix to map the potential to the density of
    the interacting electrons, and evaluates it on dots that it was not trained on. To resume after
    an interruption, run the same command again.

    \b
    Examples:
      keras-qd demo
      keras-qd demo --backend tensorflow --samples 5000
    """
    started = time.perf_counter()
    data = out.with_name(f"{out.name}-data.zarr")
    _make_data(data, samples, seed)
    run = _train(out, data, epochs, seed)
    evaluation = evaluate_and_report(run)
    if as_json:
        print_json({"run": str(run.path), "data": str(data), **evaluation.summary})
        return
    inverse = ("keras-qd", "train", "density-to-potential", "--data", data)
    print_evaluation(run, evaluation, ("keras-qd", "inspect", data), inverse)
    echo(f"\ntotal time: {format_seconds(time.perf_counter() - started)}")


def _make_data(path: Path, samples: int, seed: int) -> None:
    from keras_qd.data.quantum_dots import QuantumDots
    from keras_qd.data.store.generate import generate

    echo(f"solving {samples} two-electron dots exactly into {path}", err=True)
    with counting("solving", "dots") as count:
        generate(path, QuantumDots(seed=seed), samples, progress=count)


def _train(out: Path, data: Path, epochs: int, seed: int) -> Run:
    """Train, or resume an interrupted demo; any other run at `out` is kept, and a new path used."""
    from keras_qd.training.fit import resume, train

    data_config = {"path": str(data)}
    task = registry.task(
        "potential-to-density", model="pix2pix", dataset_config=data_config, epochs=epochs
    )
    interrupted = _is_interrupted(out, task, seed)
    path = out if interrupted else free_path(out)
    echo(f"training pix2pix into {path}", err=True)
    with resumable("keras-qd demo"), training_progress() as report:
        if interrupted:
            return resume(path, report=report)
        return train(task, path, seed=seed, callbacks=("evolution",), report=report)


def _is_interrupted(path: Path, task: Task, seed: int) -> bool:
    """Whether the run at `path` is the same demo, started but not finished."""
    from keras_qd.backend import ensure_backend
    from keras_qd.training.run import Run

    if not (path / "config.json").is_file():
        return False
    run = Run.open(path)
    started = (run.config["task"], run.config["seed"], run.config["backend"])
    return not run.finished and started == (task.to_config(), seed, ensure_backend())
