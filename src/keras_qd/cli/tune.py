"""``keras-qd tune``: search for the settings of a task that are best on the validation split."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_qd import registry
from keras_qd.cli.options import (
    COUNT,
    EXISTING_FILE,
    OutputPath,
    StorePath,
    as_json,
    backend,
    seed,
    settings_option,
    task_changes,
)
from keras_qd.cli.output import echo, format_number, print_json
from keras_qd.cli.train import load_dataset, on_store, resumable

if TYPE_CHECKING:
    from keras_qd.training.tuning import Trial


@click.command("tune")
@click.argument("task")
@click.option("--trials", type=COUNT, required=True, help="Number of training runs.")
@click.option(
    "--out",
    type=OutputPath(),
    required=True,
    help="Directory of the search, which resumes if it exists.",
)
@click.option(
    "--space",
    type=EXISTING_FILE,
    help="TOML file with the settings to search, and their ranges.",
)
@click.option(
    "--metric", help="Metric on the validation split to optimise.  [the first one followed]"
)
@click.option("--data", type=StorePath(), help="Stored data set to train on: a path or a URL.")
@click.option("--epochs", type=COUNT, help="Passes over the training split.")
@settings_option("the task that all trials share", "schedule=cosine or model.filters=16")
@seed
@backend
@as_json
def command(
    task: str,
    trials: int,
    out: Path,
    space: Path | None,
    metric: str | None,
    data: Path | str | None,
    epochs: int | None,
    settings: tuple[str, ...],
    seed: int,
    as_json: bool,
) -> None:
    """Search for the settings that train TASK best, and print the command that uses them.

    A trial that falls behind the others is stopped early. The model defines which settings are
    searched and their ranges, unless a file such as this one is given:

    \b
      batch_size = [8, 16, 32]
      [model]
      filters = [8, 16]
      learning_rate = {low = 1e-4, high = 1e-2, log = true}

    \b
    Examples:
      keras-qd tune potential-to-density --trials 40 --epochs 5 --out search
      keras-qd tune potential-to-density --space space.toml --trials 20 --out search
    """
    changes = task_changes(settings)
    named = {"epochs": epochs, "monitor": metric}
    changes.update({key: value for key, value in named.items() if value is not None})
    if data is not None:
        changes["dataset_config"] = {**changes.get("dataset_config", {}), "path": str(data)}
    searched = on_store(registry.task(task, **changes))
    from keras_qd.training.tuning import best_trial, read_space, require_optuna, tune

    require_optuna()  # before data is made
    ranges = None if space is None else read_space(space)
    dataset = load_dataset(searched)
    with resumable("the same command"):
        found = tune(
            searched, out, trials, space=ranges, dataset=dataset, seed=seed, report=_print_trial
        )
    metric = searched.monitor or next(iter(searched.followed_names), "loss")
    best = best_trial(searched.replace(monitor=metric), found)
    given = _arguments(data, epochs, settings)
    line = shlex.join(["keras-qd", "train", task, *given, *_as_options(best.settings)])
    if as_json:
        print_json(
            {
                "best": asdict(best),
                "metric": metric,
                "command": line,
                "trials": [asdict(trial) for trial in found],
            }
        )
        return
    echo(f"best of {len(found)} trials: {metric} {format_number(best.value or 0.0)}\n")
    echo(line)


def _arguments(data: Path | str | None, epochs: int | None, settings: tuple[str, ...]) -> list[str]:
    """Return the options shared by all trials, as ``train`` takes them."""
    given = [] if data is None else ["--data", str(data)]
    given += [] if epochs is None else ["--epochs", str(epochs)]
    return given + [word for pair in settings for word in ("--set", pair)]


def _as_options(settings: Any) -> list[str]:
    words = []
    for name, value in settings.items():
        text = value if isinstance(value, str) else json.dumps(value)
        words += ["--set", f"{name}={text}"]
    return words


def _print_trial(number: int, trials: int, trial: Trial) -> None:
    """Print one line about a finished trial."""
    outcome = "stopped early" if trial.value is None else format_number(trial.value)
    settings = " ".join(f"{name}={_short(value)}" for name, value in trial.settings.items())
    echo(f"trial {number + 1}/{trials}  {outcome}  {settings}", err=True)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
