"""The teaching tasks: the course's networks beside better ones, as a Markdown table.

Every training of an energy has systems of its own, which no setting was chosen on.

KERAS_BACKEND=jax python benchmarks/teaching.py --seeds 3
KERAS_BACKEND=jax python benchmarks/teaching.py --tasks density-to-energy --models reference
"""

import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import click
from timing import processor

HEADER = (
    "| task | model | parameters | metric | test, mean | lowest to highest | seconds "
    "| CPU seconds | course |"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    group : str
        The course's task: what ``--tasks`` selects by.
    kind : str
        ``"reference"`` for the course's network and settings, ``"better"`` for others.
    model : str
        What is trained, in words.
    task : str
        The registered task.
    changes : mapping
        What is varied of it.
    metric, space : str
        What is quoted of the evaluation.
    course : str
        The course's result on its own data, where it has one.
    """

    group: str
    kind: str
    model: str
    task: str
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    metric: str = "mse"
    space: str = "physical"
    course: str = ""


#: The course's settings for a task that it does not have.
_COURSE = {
    "model": "energy-cnn",
    "epochs": 50,
    "batch_size": 250,
    "schedule": "constant",
    "augmentation": None,
}
_TRIAL_STATES = {"view": "without-mean", "readout": "trial-states"}
_DIGITS = {"group": "mnist-classification", "metric": "accuracy", "course": "0.9904"}
_IMAGES = {"group": "mnist-autoencoder", "space": "scaled", "course": "0.0263"}
_POTENTIAL = {"group": "potential-to-energy", "course": "2.44e-4"}
_DENSITY = {"group": "density-to-energy", "course": "0.0643"}
_KINETIC = {"group": "density-to-kinetic-energy", "task": "density-to-kinetic-energy"}

#: Settings of the systems on which the table was measured.
_SMOOTH = {
    "family": "random-fourier",
    "family_settings": {"amplitude": 0.2, "offset": [-0.44, 0.44]},
}

ROWS = (
    Row(**_DIGITS, kind="reference", model="digit-cnn", task="mnist-classification"),
    Row(**_DIGITS, kind="better", model="digit-resnet", task="mnist-classification-resnet"),
    Row(**_IMAGES, kind="reference", model="conv-autoencoder", task="mnist-autoencoder"),
    Row(**_IMAGES, kind="better", model="residual-autoencoder", task="mnist-autoencoder-residual"),
    Row(**_POTENTIAL, kind="reference", model="energy-cnn", task="potential-to-energy"),
    Row(**_DENSITY, kind="reference", model="energy-cnn", task="density-to-energy"),
    Row(**_KINETIC, kind="reference", model="energy-cnn", changes=_COURSE),
    Row(
        **_POTENTIAL,
        kind="better",
        model="residual-1d, trial states",
        task="potential-to-energy-by-trial-states",
    ),
    Row(**_KINETIC, kind="better", model="residual-1d"),
    Row(
        **_DENSITY,
        kind="better",
        model="energy-cnn, logarithm",
        task="density-to-energy",
        changes={"model_config": {"view": "logarithm"}},
    ),
    Row(
        **_POTENTIAL,
        kind="better",
        model="residual-1d, any function",
        task="potential-to-energy-by-trial-states",
        changes={"model_config": {"readout": "dense"}, "epochs": 60},
    ),
    Row(
        **_POTENTIAL,
        kind="better",
        model="fno-1d, trial states",
        task="potential-to-energy-by-trial-states",
        changes={
            "model": "fno-1d",
            "model_config": _TRIAL_STATES,
            "epochs": 30,
            "batch_size": 250,
        },
    ),
)
TASKS = tuple(dict.fromkeys(row.group for row in ROWS))


@click.command()
@click.option("--tasks", default=",".join(TASKS), help="Separated by commas; all by default.")
@click.option("--models", type=click.Choice(["all", "reference", "better"]), default="all")
@click.option("--only", help="Rows whose model is called so.")
@click.option("--seeds", default=3, show_default=True, help="Trainings a row, seeds 0, 1, ...")
@click.option("--threads", default=2, show_default=True, help="Threads of the backend.")
@click.option("--samples", default=100_000, show_default=True, help="Systems, half for training.")
@click.option("--data-seed", default=1000, show_default=True, help="Of the first seed's systems.")
@click.option("--mnist", type=click.Path(exists=True), help="All MNIST, as a file.")
def main(tasks, models, only, seeds, threads, samples, data_seed, mnist):
    """Train every row with every seed, and print it when it is done."""
    limit_threads(threads)
    chosen = [
        row
        for row in ROWS
        if row.group in tasks.split(",")
        and models in ("all", row.kind)
        and only in (None, row.model)
    ]
    import keras

    print(f"{processor()}, {threads} threads, {keras.config.backend()}, {date.today()}\n")
    print(HEADER)
    print("|" + "---|" * HEADER.count(" | ") + "---|", flush=True)
    for row in chosen:
        found = []
        for seed in range(seeds):
            systems = {**_SMOOTH, "samples": samples, "seed": data_seed + seed}
            data = {"path": mnist} if row.group.startswith("mnist") else systems
            found.append(train(row, seed, data))
        print(line(row, found), flush=True)


def train(row, seed, data):
    """Train one row with one seed on `data`, and return its size, error and time."""
    import keras_qd

    task = keras_qd.task(row.task).replace(**row.changes, dataset_config=data)
    dataset = task.load_dataset()
    with tempfile.TemporaryDirectory() as folder:
        started, used = time.perf_counter(), time.process_time()
        run = keras_qd.train(
            task, Path(folder) / "run", dataset=dataset, seed=seed, report=lambda *_: None
        )
        seconds, used = time.perf_counter() - started, time.process_time() - used
        evaluation = keras_qd.evaluate(run, n_draws=2, batch_size=1000)
        return {
            "parameters": run.load_model().count_params(),
            "value": evaluation.score(row.metric, space=row.space).value,
            "seconds": seconds,
            "cpu_seconds": used,
        }


def line(row, found):
    """Return a row of the table from its trainings."""
    values, seconds, used = (
        [each[key] for each in found] for key in ("value", "seconds", "cpu_seconds")
    )
    return (
        f"| `{row.group}` | {row.model} | {found[0]['parameters']:,} | {row.metric} "
        f"| {statistics.mean(values):.3g} | {min(values):.3g} to {max(values):.3g} "
        f"| {statistics.mean(seconds):.0f} | {statistics.mean(used):.0f} | {row.course} |"
    )


def limit_threads(threads):
    """Hold the process to as many cores as threads: every backend obeys that."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


if __name__ == "__main__":
    main()
