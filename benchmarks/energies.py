"""The tasks that predict energies of quantum dots: mean absolute errors, as a Markdown table.

KERAS_BACKEND=torch python benchmarks/energies.py
KERAS_BACKEND=jax python benchmarks/energies.py --tasks gates-to-addition-energies --samples 200

Errors of GaAs: 1 mHa* is 11.0 ueV. Data sets are made at first use and kept.
"""

import os
import tempfile
import time
from datetime import date
from pathlib import Path

import click
import numpy as np
from machine import hold_to, machine

#: Task -> systems.
SAMPLES = {"potential-to-energies": 2000, "gates-to-addition-energies": 500}
HEADER = "| task | number | MAE, mHa* | MAE, ueV (GaAs) | mean of the training split, mHa* | R2 |"


@click.command()
@click.option("--tasks", multiple=True, type=click.Choice(list(SAMPLES)), help="All by default.")
@click.option("--samples", type=int, help="Systems, of which a tenth test.")
@click.option("--epochs", type=int, help="Passes, for all tasks.")
@click.option("--cores", default=2, show_default=True, help="Cores to run on; 0: all.")
@click.option("--seed", default=0, show_default=True, help="Of the trainings.")
def main(tasks, samples, epochs, cores, seed):
    """Train, and print the table."""
    hold_to(cores)
    import keras

    import keras_qd

    lines = []
    for name in tasks or SAMPLES:
        settings = {"epochs": epochs} if epochs else {}
        config = {"samples": samples or SAMPLES[name]}
        task = keras_qd.task(name, dataset_config=config, **settings)
        dataset = task.load_dataset()
        start = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            run = keras_qd.train(task, Path(folder) / "run", dataset=dataset, seed=seed)
            seconds = time.process_time() - start
            lines += rows(task, dataset, run)
        sizes = [len(dataset.split(part)[task.inputs[0]]) for part in ("train", "test")]
        click.echo(
            f"{name}: {sizes[0]} systems train, {sizes[1]} test, {task.epochs} epochs, "
            f"{seconds:.0f} s of processor time in training"
        )
    click.echo(
        f"\n{date.today()}, {machine()}, {cores or os.cpu_count()} cores, Keras "
        f"{keras.__version__} on {keras.config.backend()}\n\n{HEADER}"
        "\n|---|---|---|---|---|---|"
    )
    click.echo("\n".join(lines))


def rows(task, dataset, run):
    """Return a line for each number that a task predicts."""
    import keras_qd
    from keras_qd.physics import material

    gaas = material("GaAs")
    training, test = dataset.split("train"), dataset.split("test")
    predicted = keras_qd.predict(run, test)
    for target in task.targets:
        field = dataset.fields[target]
        exact, found, mean = (
            np.asarray(each[target]).reshape(len(each[target]), -1)
            for each in (test, predicted, training)
        )
        mean = mean.mean(axis=0)
        for k, label in enumerate(field.labels or (target,)):
            errors = [
                error if field.unit == "meV" else gaas.to_millielectronvolts(error)
                for error in (
                    np.abs(found[:, k] - exact[:, k]).mean(),
                    np.abs(mean[k] - exact[:, k]).mean(),
                )
            ]
            model, trivial = (1e3 * gaas.from_millielectronvolts(error) for error in errors)
            r2 = 1 - np.mean((found[:, k] - exact[:, k]) ** 2) / exact[:, k].var()
            yield (
                f"| `{task.name}` | {label} | {model:.2f} | {1e3 * errors[0]:.0f} "
                f"| {trivial:.0f} | {r2:.4f} |"
            )


if __name__ == "__main__":
    main()
