"""Train on one family of potentials, add 300 dots of another one, test on all: a Markdown table.

KERAS_BACKEND=tensorflow python benchmarks/families.py runs/families

Runs that are there are only evaluated. On one core. docs/benchmarks.md has the results.
"""

import time
from pathlib import Path

import click
from machine import hold_to, machine

FIRST, ADDED = "random-fourier", ("gate-array", "double-dot", "gaussian-wells")
TEST_DOTS = 200


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--samples", default=3250, show_default=True, help="Dots of the first family.")
@click.option("--added", default=300, show_default=True, help="Dots of each other one.")
@click.option("--epochs", default=8, show_default=True, help="Of the training on the first.")
@click.option("--tuning-epochs", default=10, show_default=True, help="Of each other training.")
def main(out, samples, added, epochs, tuning_epochs):
    """Train what is not yet trained, and print the table."""
    hold_to(1)
    first = trained(out / FIRST, task_of(epochs, family=FIRST, samples=samples))
    runs = {f"`{FIRST}`": first}
    for family in ADDED:
        # Half of the dots are of the first family, so that it is not forgotten.
        components = {"components": [FIRST, family]}
        dots = {"family": "random-mixture", "family_settings": components, "samples": 2 * added}
        task = task_of(tuning_epochs, **dots)
        runs[f"with `{family}`"] = trained(out / family, task, start=first)
    tests = [test_dots(family) for family in (FIRST, *ADDED)]
    click.echo("| trained on | " + " | ".join(f"`{name}`" for name in (FIRST, *ADDED)) + " |")
    click.echo("|---" * (len(tests) + 1) + "|")
    for name, run in runs.items():
        click.echo(f"| {name} | " + " | ".join(misplaced(run, dots) for dots in tests) + " |")
    click.echo(machine(), err=True)


def task_of(epochs, **dots):
    """Return the task with dots of its own; a twentieth is for validation."""
    import keras_qd

    dots = {"seed": 1, "fractions": [0.94, 0.05, 0.01], **dots}
    return keras_qd.task("potential-to-density", epochs=epochs, dataset_config=dots)


def trained(path, task, start=None):
    """Train, or open the run that is there."""
    from keras_qd import training

    if path.exists():
        return training.resume(path)
    begun = time.process_time()
    run = training.train(task, path, start=start, seed=0)
    spent, dots = time.process_time() - begun, run.config["samples"]["train"]
    click.echo(f"{path.name}: {dots} dots, {spent:.0f} s of processor time", err=True)
    return run


def test_dots(family):
    """Return dots of a family that no training has."""
    dots = {"family": family, "samples": TEST_DOTS, "seed": 2, "fractions": [0.01, 0.01, 0.98]}
    return task_of(1, **dots).load_dataset()


def misplaced(run, dots):
    """Return mean and median of the misplaced charge in %."""
    from keras_qd.evaluation import evaluate

    score = evaluate(run, data=dots, cost=False).score("misplaced-charge")
    return f"{score.value:.1f}, {score.systems['quantiles']['0.5']:.1f}"


if __name__ == "__main__":
    main()
