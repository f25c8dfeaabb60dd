"""``keras-qd train``: a task into a run directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd import registry
from keras_qd.cli.options import StorePath, as_json, backend, print_json, seed, task_changes
from keras_qd.cli.progress import training_progress
from keras_qd.cli.steps import (
    evaluate_and_report,
    free_path,
    load_dataset,
    on_store,
    print_verdict,
    resumable,
)
from keras_qd.errors import UsageError

if TYPE_CHECKING:
    from keras_qd.training.run import Run


@click.command("train")
@click.argument("task", required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Run directory to make; runs/TASK by default."
)
@click.option(
    "--resume",
    "interrupted",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with an interrupted run.",
)
@click.option("--data", type=StorePath(), help="Stored data set to train on: a path or a URL.")
@click.option(
    "--download", is_flag=True, help="Let a data set that can, such as mnist, be downloaded."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training split.")
@click.option("--batch-size", type=click.IntRange(min=1), help="Samples in a batch.")
@click.option("--model", help="Another registered model.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any setting of the task, such as schedule=cosine, model.filters=16 or "
    "dataset.samples=5000; may be repeated.",
)
@click.option(
    "--callback",
    "callbacks",
    multiple=True,
    metavar="NAME",
    help="Log besides to tensorboard or mlflow; may be repeated. history.csv is always written.",
)
@click.option(
    "--evolution/--no-evolution",
    default=True,
    help="Keep the predictions for some validation systems after each epoch, for the report.",
)
@click.option(
    "--devices",
    type=click.IntRange(min=1),
    help="On how many devices to train, each with a share of every batch.",
)
@seed
@backend
@as_json
def command(
    task: str | None,
    out: Path | None,
    interrupted: Path | None,
    data: Path | str | None,
    download: bool,
    epochs: int | None,
    batch_size: int | None,
    model: str | None,
    settings: tuple[str, ...],
    callbacks: tuple[str, ...],
    evolution: bool,
    devices: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Train TASK into a run directory, then judge it and write its report.

    Data that the task needs and that is not there yet is made first, and kept for the next time.

    \b
    Examples:
      keras-qd train potential-to-density
      keras-qd train potential-to-density --data dots.zarr --set model.filters=16
      keras-qd train --resume runs/potential-to-density
    """
    if (task is None) == (interrupted is None):
        raise UsageError("name either a task to train, or an interrupted run with --resume")
    changes = task_changes(settings)
    named = {"epochs": epochs, "batch_size": batch_size, "model": model}
    changes.update({key: value for key, value in named.items() if value is not None})
    source = _source(data, download)
    if source:
        changes["dataset_config"] = {**changes.get("dataset_config", {}), **source}
    if interrupted is not None:
        kept = changes if devices is None else {**changes, "devices": devices}
        run = _resume(interrupted, kept, callbacks)
    else:
        watching = ("evolution",) if evolution else ()
        run = _train(str(task), out, changes, seed, (*watching, *callbacks), devices or 1)
    evaluation = evaluate_and_report(run)
    if as_json:
        print_json({"run": str(run.path), **evaluation.summary})
    else:
        print_verdict(run, evaluation)


def _source(data: Path | str | None, download: bool) -> dict[str, Any]:
    """Return the settings of the data set that say where it comes from."""
    source: dict[str, Any] = {} if data is None else {"path": str(data)}
    return {**source, "download": True} if download else source


def _train(
    name: str,
    out: Path | None,
    changes: dict[str, Any],
    seed: int,
    callbacks: tuple[str, ...],
    devices: int,
) -> Run:
    from keras_qd.training.logging import check_callbacks

    check_callbacks(callbacks)  # before data is made
    task = on_store(registry.task(name, **changes))
    path = out if out is not None else free_path(Path("runs") / name)
    from keras_qd.training.fit import train

    dataset = load_dataset(task)
    click.echo(f"training {task.name} into {path}", err=True)
    with resumable(f"keras-qd train --resume {path}"), training_progress() as report:
        return train(
            task,
            path,
            dataset=dataset,
            seed=seed,
            callbacks=callbacks,
            report=report,
            devices=devices,
        )


def _resume(path: Path, changes: dict[str, Any], callbacks: tuple[str, ...]) -> Run:
    if changes:
        raise UsageError(
            f"a resumed run keeps its settings; leave out {', '.join(sorted(changes))}"
        )
    from keras_qd.training.fit import resume

    with resumable(f"keras-qd train --resume {path}"), training_progress() as report:
        return resume(path, callbacks=callbacks, report=report)
