"""``keras-qd train``, and the steps of a training that other verbs share."""

from __future__ import annotations

import errno
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd import registry
from keras_qd.cli.evaluate import print_cost, print_scores
from keras_qd.cli.options import (
    COUNT,
    EXISTING_FILE,
    InputPath,
    OutputPath,
    StorePath,
    as_json,
    backend,
    read_options,
    seed,
    settings_option,
    task_changes,
)
from keras_qd.cli.output import counting, echo, print_json, print_next, training_progress
from keras_qd.errors import RunError, StoreError, UsageError

if TYPE_CHECKING:
    from keras_qd.data.dataset import Dataset
    from keras_qd.evaluation.result import Evaluation
    from keras_qd.tasks.task import Task
    from keras_qd.training.run import Run


#: Where the context keeps the task of a config.json.
_TASK = "keras_qd.cli.train.task"


def _read_config(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> None:
    """Take options from a TOML file, or the task, seed and callbacks of a run's config.json."""
    if path is None or path.suffix != ".json":
        read_options(ctx, parameter, path)
        return
    from keras_qd.training.run import read_config

    found = read_config(path)
    ctx.meta[_TASK] = found["task"]
    ctx.default_map = {
        "seed": found["seed"],
        "devices": found.get("devices"),
        "fresh": found.get("fresh"),
        "callbacks": [each for each in found["callbacks"] if each != "evolution"],
        "evolution": "evolution" in found["callbacks"],
    }


@click.command("train")
@click.argument("task", required=False)
@click.option(
    "--config",
    type=EXISTING_FILE,
    expose_value=False,
    is_eager=True,
    callback=_read_config,
    help="TOML file with TASK and these options by their long names, and a table [set]; or the "
    "config.json of a run, to train the same again.",
)
@click.option("--out", type=OutputPath(), help="Run directory to create.  [runs/TASK]")
@click.option(
    "--resume",
    "interrupted",
    type=InputPath(),
    metavar="RUN",
    help="Resume an interrupted run.",
)
@click.option("--data", type=StorePath(), help="Stored data set to train on: a path or a URL.")
@click.option("--download", is_flag=True, help="Allow downloads (mnist).")
@click.option("--epochs", type=COUNT, help="Passes over the training split.")
@click.option("--batch-size", type=COUNT, help="Samples per batch.")
@click.option("--model", help="Train another registered model.")
@settings_option("the task", "schedule=cosine, model.filters=16 or dataset.samples=5000")
@click.option(
    "--callback",
    "callbacks",
    multiple=True,
    metavar="NAME",
    help="Also log to tensorboard or mlflow; may be repeated. history.csv is always written.",
)
@click.option(
    "--evolution/--no-evolution",
    default=True,
    help="Record predictions for some validation systems after each epoch for the report.",
)
@click.option(
    "--devices",
    type=COUNT,
    help="Number of devices; each takes a share of every batch.",
)
@click.option(
    "--from",
    "start",
    metavar="NAME|RUN",
    help="Fine-tune a pretrained network, or the model of a run.",
)
@click.option(
    "--fresh",
    type=COUNT,
    metavar="N",
    help="Train each epoch on N new systems, generated during the previous one.",
)
@seed
@backend
@as_json
@click.pass_context
def command(
    ctx: click.Context,
    /,
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
    start: str | None,
    fresh: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Train TASK into a run directory, evaluate it and write its report.

    If the data set of the task does not exist yet, it is generated first, and kept.

    \b
    Examples:
      keras-qd train potential-to-density
      keras-qd train potential-to-density --data dots.zarr --set model.filters=16
      keras-qd train potential-and-electrons-to-density --from potential-to-density --epochs 5
      keras-qd train potential-to-density --fresh 2000 --epochs 20
      keras-qd train --config runs/potential-to-density/config.json --seed 1
      keras-qd train --resume runs/potential-to-density
    """
    same = ctx.meta.get(_TASK)
    if sum(each is not None for each in (task, same, interrupted)) != 1:
        raise UsageError(
            "give either a task to train, the configuration of one with --config, or an "
            "interrupted run with --resume"
        )
    in_file = (ctx.default_map or {}).get("settings", ())
    changes = task_changes((*in_file, *settings))  # the command line wins
    named = {"epochs": epochs, "batch_size": batch_size, "model": model}
    changes.update({key: value for key, value in named.items() if value is not None})
    source = _source(data, download)
    if source:
        changes["dataset_config"] = {**changes.get("dataset_config", {}), **source}
    if interrupted is not None:
        if start is not None:
            raise UsageError("--from starts a new training; leave it out, or leave out --resume")
        changes |= {} if fresh is None else {"fresh": fresh}
        kept = changes if devices is None else {**changes, "devices": devices}
        run = _resume(interrupted, kept, callbacks)
    else:
        watching = ("evolution",) if evolution else ()
        from keras_qd.tasks.task import Task

        chosen = registry.task(str(task)) if same is None else Task.from_config(same)
        changed, watched = chosen.replace(**changes), (*watching, *callbacks)
        run = _train(changed, out, seed, watched, devices or 1, start, fresh)
    evaluation = evaluate_and_report(run)
    if as_json:
        print_json({"run": str(run.path), **evaluation.summary})
    else:
        print_evaluation(run, evaluation)


def _source(data: Path | str | None, download: bool) -> dict[str, Any]:
    """Return the settings that locate the data set."""
    source: dict[str, Any] = {} if data is None else {"path": str(data)}
    return {**source, "download": True} if download else source


def _train(
    task: Task,
    out: Path | None,
    seed: int,
    callbacks: tuple[str, ...],
    devices: int,
    start: str | None,
    fresh: int | None,
) -> Run:
    # Names come first: what follows imports Keras, which takes seconds.
    for kind, named in (("models", task.model), ("datasets", task.dataset)):
        registry.components(kind).require(named)
    for each in callbacks:
        registry.components("callbacks").require(each)

    from keras_qd.training.checks import check_start
    from keras_qd.training.fit import train

    task = on_store(task)
    path = out if out is not None else free_path(Path("runs") / task.name)
    # Before data is made, which may take hours.
    check_start(task, path, seed=seed, callbacks=callbacks, devices=devices)

    dataset = load_dataset(task)
    echo(f"training {task.name} into {path}", err=True)
    with resumable(f"keras-qd train --resume {path}", path), training_progress() as report:
        return train(
            task,
            path,
            dataset=dataset,
            seed=seed,
            callbacks=callbacks,
            report=report,
            devices=devices,
            start=start,
            fresh=fresh,
        )


def _resume(path: Path, changes: dict[str, Any], callbacks: tuple[str, ...]) -> Run:
    if changes:
        raise UsageError(
            f"a resumed run keeps its settings; leave out {', '.join(sorted(changes))}"
        )
    from keras_qd.training.fit import resume

    with resumable(f"keras-qd train --resume {path}", path), training_progress() as report:
        return resume(path, callbacks=callbacks, report=report)


def load_dataset(task: Task) -> Dataset:
    """Load the data set of `task`, with a progress bar if it is generated first."""
    if "progress" not in inspect.signature(_builder(task)).parameters:
        return task.load_dataset()
    with counting(task.dataset, "samples") as count:
        return task.load_dataset(progress=count)


def on_store(task: Task) -> Task:
    """Return `task` on the data set ``stored`` if its own cannot read the given store."""
    path = task.dataset_config.get("path")
    reads_stores = "memory_budget" in inspect.signature(_builder(task)).parameters
    if path is None or reads_stores or not _is_store(path):
        return task
    return task.replace(dataset="stored", dataset_config={"path": path})


def _builder(task: Task) -> Callable[..., Dataset]:
    builder: Callable[..., Dataset] = registry.components("datasets").get(task.dataset)
    return builder


def _is_store(path: str) -> bool:
    from keras_qd.data.store.store import open_store

    try:
        open_store(path)
    except StoreError:
        return False
    return True


@contextmanager
def resumable(command: str, run: Path | None = None) -> Iterator[None]:
    """Turn an interruption or a full disk into an error that names the command which resumes."""
    try:
        yield
    except KeyboardInterrupt:
        raise RunError(f"stopped; resume with: {command}") from None
    except OSError as error:
        # Without a run to resume, the same command starts again.
        if error.errno != errno.ENOSPC or run is None or not (run / "config.json").exists():
            raise
        raise RunError(f"the disk is full; free some space, and resume with: {command}") from error


def evaluate_and_report(run: Run) -> Evaluation:
    """Evaluate `run` on its test split, and write its report."""
    from keras_qd.evaluation._evaluate import evaluate
    from keras_qd.report.report import write_report

    echo("evaluating on the test split", err=True)
    evaluation = evaluate(run)
    write_report(run)
    return evaluation


def print_evaluation(run: Run, evaluation: Evaluation, *more: Sequence[Any]) -> None:
    """Print the scores, the path of the report, and commands to run next."""
    echo()
    print_scores(evaluation)
    print_cost(evaluation)
    echo(f"\nreport: {run.path / 'report.html'}")
    predicted = run.path / "example-predicted.npz"
    print_next(
        ("keras-qd", "evaluate", run.path, "--split", "validation"),
        ("keras-qd", "predict", run.path, run.example_path, "--out", predicted),
        *more,
    )


def free_path(path: Path) -> Path:
    """Return `path`, or the first of path-2, path-3, ... that does not exist."""
    candidate, count = path, 1
    while candidate.exists():
        count += 1
        candidate = path.with_name(f"{path.name}-{count}")
    return candidate
