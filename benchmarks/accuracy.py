"""How accurate each model is on one of the five maps of the quantum dots: a Markdown table.

KERAS_BACKEND=tensorflow python benchmarks/accuracy.py potential-to-density --out runs/accuracy
KERAS_BACKEND=tensorflow python benchmarks/accuracy.py potential-to-density --out runs/accuracy \
    --rows "pix2pix, best" --seconds 150

With --seconds the rows are compared at equal processor time: each trains for as many epochs as fit,
by the time of a few of its steps. A row that is done is kept beside the runs and only printed; an
interrupted one resumes. On two cores, unless set otherwise; give --cores 0 where there is an
accelerator.

docs/benchmarks.md has the results.
"""

import json
import time
from datetime import date
from pathlib import Path

import click
import numpy as np
from machine import hold_to, machine

from keras_qd._files import write_text
from keras_qd.cli.options import task_changes

#: What half an hour on two cores allows `pix2pix, best`.
EPOCHS = 56

#: Settings of the U-Net that are found to be best, as generator and alone.
BEST_UNET = {
    "filters": 24,
    "normalization": "instance",
    "dropout": 0.0,
    "optimizer": "muon",
    "learning_rate": 4e-3,
}

#: Row -> what is varied of the task. The paper's epochs take more than a day of processor time.
ROWS = {
    "pix2pix, paper": {
        "model": "pix2pix",
        "model_config": {
            "filters": 64,
            "normalization": "batch",
            "dropout": 0.5,
            "optimizer": "adam",
            "learning_rate": 2e-4,
            "discriminator_filters": 64,
            "discriminator_learning_rate": 2e-4,
        },
        "schedule": "linear",
        "augmentation": None,
        "batch_size": 10,
        "epochs": 200,
    },
    "pix2pix, best": {
        "model": "pix2pix",
        "model_config": {
            **BEST_UNET,
            "discriminator_filters": 8,
            "discriminator_learning_rate": 2e-4,
            "lambda_l1": 1000.0,
        },
        "epochs": EPOCHS,
    },
    "unet": {"model": "unet", "model_config": BEST_UNET, "epochs": EPOCHS},
    "fno": {"model": "fno", "epochs": EPOCHS},
    "transformer-unet": {"model": "transformer-unet", "epochs": EPOCHS},
}

#: Steps that are timed to say how many epochs fit.
STEPS = 10

#: R2 of the validation split that a training is timed up to.
GOAL = 0.99

METRICS = ("r2", "l1", "l2", "linf", "nmae", "ssim")
OF_POTENTIALS = ("density-weighted-r2", "density-weighted-l1", "aligned-r2", "aligned-l1")

#: Shares of training, validation and test: 5,000, 500 and 1,000 of 6,500, up to chance.
SAMPLES, FRACTIONS = 6500, (10 / 13, 1 / 13, 2 / 13)


@click.command()
@click.argument("mapping")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where the runs are.")
@click.option("--data", type=click.Path(exists=True), help="Stored dots; made if not given.")
@click.option("--rows", multiple=True, help="Some rows; all if not given.")
@click.option("--samples", default=SAMPLES, show_default=True, help="Dots that are made or taken.")
@click.option("--epochs", type=int, help="Passes over the training split, for all rows.")
@click.option("--seconds", type=float, help="Processor time of training of a row, not --epochs.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="As of train.")
@click.option("--skip-cost", is_flag=True, help="Do not time predictions and the exact solver.")
@click.option("--cores", default=2, show_default=True, help="Cores to run on; 0: all.")
@click.option("--seed", default=0, show_default=True, help="Of the trainings.")
def main(mapping, out, data, rows, samples, epochs, seconds, settings, skip_cost, cores, seed):
    """Train what is not yet trained, and print the table."""
    hold_to(cores)
    results = Results(out / mapping)
    tasks = tasks_of(mapping)
    for row in rows or tasks:
        if row not in tasks:
            raise click.BadParameter(f"no row {row!r}; there are {', '.join(tasks)}")
        if row not in results.rows:
            config = {"samples": samples, "fractions": FRACTIONS, "seed": 7}
            config = {**config, "path": data, "seed": None} if data else config
            task = tasks[row].replace(dataset_config=config)
            task = task.replace(**task_changes(settings))
            task = task.replace(epochs=epochs) if epochs else task
            task = task.replace(epochs=epochs_in(task, seconds)) if seconds else task
            values = measure(task, out / mapping / folder_of(row), seed, not skip_cost)
            results.add(row, values)
        click.echo(f"{row}: {json.dumps(results.rows[row])}", err=True)
    click.echo(results.table())


def folder_of(row):
    """Return the name of a row's folder."""
    return row.replace(", ", "-")


def tasks_of(mapping):
    """Return the task of every row."""
    import keras_qd

    task = keras_qd.task(mapping)
    tasks = {row: task.replace(**changes) for row, changes in ROWS.items()}
    if task.inputs != ("potential",):  # a density, which goes in as it is in the paper
        plain = dict.fromkeys(task.inputs, "standard")
        tasks["pix2pix, paper"] = tasks["pix2pix, paper"].replace(scaling=plain)
    return tasks


def epochs_in(task, seconds):
    """Return how many epochs of a task fit into a processor time, at least one."""
    from keras_qd.tasks.pipeline import Pipeline
    from keras_qd.training.batches import training_batches
    from keras_qd.training.checks import build_model

    dataset = task.load_dataset()
    split = dataset.split("train")
    pipeline = Pipeline.fit(task, split, dataset.fields)
    model, batches = build_model(task, pipeline, 0), training_batches(task, pipeline, split, 0, 0)
    steps = [batches[index] for index in range(STEPS + 2)]
    for step in steps[:2]:
        model.train_on_batch(*step)
    start = time.process_time()
    for step in steps[2:]:
        model.train_on_batch(*step)
    each = (time.process_time() - start) / STEPS
    return max(1, round(seconds / (each * len(batches))))


def measure(task, path, seed, cost):
    """Train or resume, and return the entries of the row."""
    from keras_qd import training
    from keras_qd.evaluation import evaluate

    clock = clock_of(path)
    if path.exists():
        run = training.resume(path, callbacks=[clock])
    else:
        run = training.train(task, path, seed=seed, callbacks=[clock])
    metrics = METRICS + (OF_POTENTIALS if task.targets == ("potential",) else ())
    more = [name for name in metrics if name not in task.metrics]
    found = evaluate(run, metrics=more, cost=cost)
    averaged = found
    if task.augmentation:
        averaged = evaluate(run, metrics=more, symmetries=8, cost=False)
    return {
        **{name: found.score(name).value for name in metrics},
        **{f"{name}_averaged": averaged.score(name).value for name in ("r2", "nmae")},
        "parameters": run.load_model().count_params(),
        "epochs": len(run.history()["epoch"]),
        "training": run.config["samples"]["train"],
        "test": run.config["samples"]["test"],
        **minutes(json.loads(clock.file.read_text()), run.history()["val_r2"]),
        "prediction_ms": 1e3 * found.cost.model.batched if found.cost else None,
        "exact_ms": 1e3 * found.cost.solver_seconds if found.cost else None,
        "backend": run.config["backend"],
        "machine": machine(),
        "date": str(date.today()),
    }


def minutes(seconds, r2):
    """Return the minutes of a training, and those until R2 was 0.99 on the validation split."""
    processor = np.cumsum([each["processor"] for each in seconds]) / 60
    wall = np.cumsum([each["wall"] for each in seconds]) / 60
    reached = np.flatnonzero(np.asarray(r2) >= GOAL)
    return {
        "minutes": wall[-1],
        "processor_minutes": processor[-1],
        "minutes_to_goal": wall[reached[0]] if reached.size else None,
    }


def clock_of(path):
    """Return a callback that keeps the seconds of every epoch beside the run."""
    import keras

    class Clock(keras.callbacks.Callback):
        file = Path(f"{path}.seconds.json")

        def on_epoch_begin(self, epoch, logs=None):
            self.started = time.perf_counter(), time.process_time()

        def on_epoch_end(self, epoch, logs=None):
            wall, processor = self.started
            passed = {
                "wall": time.perf_counter() - wall,
                "processor": time.process_time() - processor,
            }
            known = json.loads(self.file.read_text()) if self.file.exists() else []
            write_text(self.file, json.dumps([*known[:epoch], passed]))

    return Clock()


class Results:
    """The rows that are done, each in a file: several processes may fill one folder."""

    def __init__(self, folder):
        self._folder = folder
        files = sorted(folder.glob("*.result.json"), key=lambda file: file.stat().st_mtime)
        self.rows = dict(json.loads(file.read_text()) for file in files)

    def add(self, row, values):
        """Keep a row."""
        self.rows[row] = values
        file = self._folder / f"{folder_of(row)}.result.json"
        write_text(file, json.dumps([row, values], indent=2))

    def table(self):
        """Return the table of all rows that are done."""
        of_potentials = any(OF_POTENTIALS[0] in values for values in self.rows.values())
        more = OF_POTENTIALS if of_potentials else ()
        names = ("R2", "L1", "L2", "Linf", "NMAE", "SSIM", *more, "R2, averaged", "NMAE, averaged")
        times = ("minutes", "processor minutes", "minutes to R2 0.99", "ms a prediction")
        names = ("model", *names, "parameters", "epochs", *times)
        lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
        for row, values in self.rows.items():
            cells = [f"{values['r2']:.5f}", *(f"{values[name]:.4g}" for name in METRICS[1:4])]
            cells += [f"{100 * values['nmae']:.2f} %", f"{values['ssim']:.5f}"]
            cells += [f"{values[name]:.4g}" for name in more]
            cells += [f"{values['r2_averaged']:.5f}", f"{100 * values['nmae_averaged']:.2f} %"]
            cells += [f"{values['parameters']:,}", str(values["epochs"])]
            keys = ("minutes", "processor_minutes", "minutes_to_goal", "prediction_ms")
            cells += ["" if values[key] is None else f"{values[key]:.1f}" for key in keys]
            lines.append("| " + " | ".join([row, *cells]) + " |")
        return "\n".join(lines)


if __name__ == "__main__":
    main()
