"""The teaching tasks: the course's networks beside better ones, as a Markdown table.

KERAS_BACKEND=jax python benchmarks/teaching.py --seeds 3
KERAS_BACKEND=jax python benchmarks/teaching.py --tasks density-to-energy --models reference
"""

import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

TRIAL_STATES = {"view": "without-mean", "readout": "trial-states"}
HEADER = (
    "| task | model | parameters | test MSE (Ha*^2), mean | lowest to highest | seconds "
    "| CPU seconds | reference |"
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    group : str
        What ``--tasks`` selects it by.
    kind : str
        ``"reference"`` for the course's network and settings, ``"better"`` for others.
    model : str
        What is trained, in words.
    task : str
        The registered task.
    changes : mapping
        What is varied of it.
    reference : str
        The course's result, where it has one.
    """

    group: str
    kind: str
    model: str
    task: str
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    reference: str = ""


#: The course's settings for a task that it does not have.
_COURSE = {
    "model": "energy-cnn",
    "epochs": 50,
    "batch_size": 250,
    "schedule": "constant",
    "augmentation": None,
}

ROWS = (
    Row("potential-to-energy", "reference", "energy-cnn", "potential-to-energy", {}, "2.44e-4"),
    Row("density-to-energy", "reference", "energy-cnn", "density-to-energy", {}, "0.0643"),
    Row(
        "density-to-kinetic-energy", "reference", "energy-cnn", "density-to-kinetic-energy", _COURSE
    ),
    Row(
        "potential-to-energy",
        "better",
        "residual-1d, trial states",
        "potential-to-energy-by-trial-states",
        reference="2.44e-4",
    ),
    Row("density-to-kinetic-energy", "better", "residual-1d", "density-to-kinetic-energy"),
    Row(
        "density-to-energy",
        "better",
        "energy-cnn, logarithm",
        "density-to-energy",
        {"model_config": {"view": "logarithm"}},
        "0.0643",
    ),
    Row(
        "potential-to-energy",
        "better",
        "residual-1d, any function",
        "potential-to-energy-by-trial-states",
        {"model_config": {"readout": "dense"}, "epochs": 60},
        "2.44e-4",
    ),
    Row(
        "potential-to-energy",
        "better",
        "fno-1d, trial states",
        "potential-to-energy-by-trial-states",
        {"model": "fno-1d", "model_config": TRIAL_STATES, "epochs": 30, "batch_size": 250},
        "2.44e-4",
    ),
)
TASKS = tuple(dict.fromkeys(row.group for row in ROWS))


@click.command()
@click.option("--tasks", default=",".join(TASKS), show_default=True, help="Separated by commas.")
@click.option("--models", type=click.Choice(["all", "reference", "better"]), default="all")
@click.option("--seeds", default=3, show_default=True, help="Trainings a row, seeds 0, 1, ...")
@click.option("--threads", default=2, show_default=True, help="Threads of the backend.")
@click.option("--samples", default=100_000, show_default=True, help="Systems, half for training.")
@click.option("--amplitude", type=float, help="Of the potentials, in Ha*; else the data set's own.")
def main(tasks, models, seeds, threads, samples, amplitude):
    """Train every row with every seed, and print it when it is done."""
    limit_threads(threads)
    data = {"samples": samples}
    if amplitude is not None:
        data["family_settings"] = {"amplitude": amplitude}
    chosen = [row for row in ROWS if row.group in tasks.split(",") and models in ("all", row.kind)]
    print(HEADER)
    print("|" + "---|" * HEADER.count(" | ") + "---|")
    for row in chosen:
        found = [train(row, seed, data) for seed in range(seeds)]
        errors, seconds, used = (
            [each[key] for each in found] for key in ("mse", "seconds", "cpu_seconds")
        )
        print(
            f"| `{row.group}` | {row.model} | {found[0]['parameters']:,} "
            f"| {statistics.mean(errors):.3g} | {min(errors):.3g} to {max(errors):.3g} "
            f"| {statistics.mean(seconds):.0f} | {statistics.mean(used):.0f} | {row.reference} |",
            flush=True,
        )


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
        evaluation = keras_qd.evaluate(run, n_draws=1, batch_size=1000)
        return {
            "parameters": run.load_model().count_params(),
            "mse": evaluation.score("mse").value,
            "seconds": seconds,
            "cpu_seconds": used,
        }


def limit_threads(threads):
    """Hold the process to as many cores as threads: every backend obeys that."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


if __name__ == "__main__":
    main()
