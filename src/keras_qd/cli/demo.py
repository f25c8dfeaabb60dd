"""``keras-qd demo``: the whole chain on a small scale."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_qd import registry
from keras_qd.cli.format import format_seconds
from keras_qd.cli.options import as_json, backend, print_json, seed
from keras_qd.cli.progress import counting, training_progress
from keras_qd.cli.steps import free_path, judge, print_verdict, resumable

if TYPE_CHECKING:
    from keras_qd.tasks.task import Task
    from keras_qd.training.run import Run

#: As many as take four to five minutes, data and all, on two processor cores.
EPOCHS = 20


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs/demo"),
    show_default=True,
    help="Run directory; the data set goes beside it.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=50),
    default=2500,
    show_default=True,
    help="Dots to solve; a tenth of them validates and a tenth tests.",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=EPOCHS,
    show_default=True,
    help="Passes over the training split.",
)
@seed
@backend
@as_json
def command(out: Path, samples: int, epochs: int, seed: int, as_json: bool) -> None:
    """Make data, train, judge and report: the whole chain in a few minutes.

    Solves random two-electron dots exactly, trains pix2pix to map the potential to the density of
    the interacting electrons, and judges it on dots that it never saw. Stopped at any moment, the
    same command goes on where it was.

    \b
    Examples:
      keras-qd demo
      keras-qd demo --backend tensorflow --samples 5000
    """
    started = time.perf_counter()
    data = out.with_name(f"{out.name}-data.zarr")
    _make_data(data, samples, seed)
    run = _train(out, data, epochs, seed)
    evaluation = judge(run)
    if as_json:
        print_json({"run": str(run.path), "data": str(data), **evaluation.summary})
        return
    print_verdict(run, evaluation)
    click.echo(f"  keras-qd inspect {data}")
    click.echo(f"  keras-qd train density-to-potential --data {data}")
    click.echo(f"\nall of it took {format_seconds(time.perf_counter() - started)}")


def _make_data(path: Path, samples: int, seed: int) -> None:
    from keras_qd.data.quantum_dots import QuantumDots
    from keras_qd.data.store.generate import generate

    click.echo(f"solving {samples} two-electron dots exactly into {path}", err=True)
    with counting("solving", "dots") as count:
        generate(path, QuantumDots(seed=seed), samples, progress=count)


def _train(out: Path, data: Path, epochs: int, seed: int) -> Run:
    """Train, or go on with an interrupted demo; any other run stays, and a new one goes beside."""
    from keras_qd.training.fit import resume, train

    task = registry.task("potential-to-density", dataset_config={"path": str(data)}, epochs=epochs)
    interrupted = _is_interrupted(out, task, seed)
    path = out if interrupted else free_path(out)
    click.echo(f"training pix2pix into {path}", err=True)
    with resumable("keras-qd demo"), training_progress() as report:
        if interrupted:
            return resume(path, report=report)
        return train(task, path, seed=seed, callbacks=("evolution",), report=report)


def _is_interrupted(path: Path, task: Task, seed: int) -> bool:
    """Return whether the same demo was begun at `path` and not finished."""
    from keras_qd.backend import ensure_backend
    from keras_qd.training.run import Run

    if not (path / "config.json").is_file():
        return False
    run = Run.open(path)
    begun = (run.config["task"], run.config["seed"], run.config["backend"])
    return not run.finished and begun == (task.to_config(), seed, ensure_backend())
