"""The two tasks on digits: the networks of the course beside the better ones, over some seeds.

KERAS_BACKEND=tensorflow python benchmarks/teaching_mnist.py --seeds 3
"""

import tempfile
import time
from datetime import date
from pathlib import Path

import timing  # isort: skip  (before numpy)

import click
import numpy as np

import keras_qd

#: Task -> metric, and the space it is quoted in.
TASKS = {
    "mnist-classification": ("accuracy", "physical"),
    "mnist-classification-resnet": ("accuracy", "physical"),
    "mnist-autoencoder": ("mse", "scaled"),
    "mnist-autoencoder-residual": ("mse", "scaled"),
}


@click.command()
@click.option("--seeds", default=3, show_default=True, help="Trainings of each task.")
@click.option("--first-seed", default=0, show_default=True, help="Of the first of them.")
@click.option(
    "--data", type=click.Path(exists=True), help="All MNIST, as a file; else what there is."
)
@click.option("--task", "tasks", multiple=True, type=click.Choice(list(TASKS)), help="Only these.")
def main(seeds, first_seed, data, tasks):
    """Print a table with the mean over the seeds and the spread."""
    tasks = tasks or tuple(TASKS)
    dataset = keras_qd.load("mnist", path=data)
    counts = {name: len(dataset.split(name)["digit"]) for name in ("train", "validation", "test")}
    found = {name: [] for name in tasks}
    # Seed by seed, so that an interrupted run has something of every task.
    for seed in range(first_seed, first_seed + seeds):
        for name in tasks:
            found[name].append(train(name, dataset, seed))
            click.echo(f"# {name}, seed {seed}: {found[name][-1]}", err=True)
    click.echo(f"{dataset.metadata['source']}: {counts}")
    click.echo(f"{timing.processor()}, one core, {date.today()}\n")
    click.echo("| task | parameters | metric | validation | test | s a training |")
    click.echo("|---|---|---|---|---|---|")
    for name, runs in found.items():
        click.echo(row(name, runs))


def train(name, dataset, seed):
    """Return the parameters, the metric on validation and test split, and the seconds."""
    task = keras_qd.task(name)
    metric, space = TASKS[name]
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        run = keras_qd.train(task, Path(folder) / "run", dataset=dataset, seed=seed, report=silent)
        seconds = time.perf_counter() - started
        values = [
            keras_qd.evaluate(run, split, dataset, n_draws=2).score(metric, space=space).value
            for split in ("validation", "test")
        ]
        return run.load_model().count_params(), *values, seconds


def silent(*_):
    """Say nothing of the progress."""


def row(name, runs):
    """Return a line of the table: mean, and standard deviation over the seeds."""
    parameters, *columns = map(np.array, zip(*runs, strict=True))
    validation, test, seconds = (f"{each.mean():.4g} ± {each.std():.2g}" for each in columns)
    metric = TASKS[name][0]
    return f"| {name} | {parameters[0]:,} | {metric} | {validation} | {test} | {seconds} |"


if __name__ == "__main__":
    main()
