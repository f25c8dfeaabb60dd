"""Training speed of pix2pix: this package on each backend against plain TensorFlow and PyTorch.

    python benchmarks/training.py
    python benchmarks/training.py --size 256 --batch-size 1 --threads 2
    python benchmarks/training.py --threads 0
    python benchmarks/training.py --python jax=JAX/bin/python --python torch=TORCH/bin/python

One process a contender; they take turns, round by round, so that what slows the machine slows
all of them alike. With one thread, ratios are those of processor time, which other programs
disturb least; with more, of wall time, since waiting threads use processors too.

    python benchmarks/training.py --until-r2 0.99 --store dots.zarr

trains until the R2 of the validation split is reached, potential to density.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import click
from machine import processor

BACKENDS = ("jax", "tensorflow", "torch")
NATIVE = ("native-tensorflow", "native-torch")


class Contender:
    """A process that trains one contender, waiting for jobs."""

    def __init__(self, name, interpreter, **settings):
        environment = {
            **os.environ,
            "KERAS_BACKEND": framework_of(name),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        }
        if settings["threads"]:
            threads = str(settings["threads"])
            environment |= {"OMP_NUM_THREADS": threads, "TF_NUM_INTRAOP_THREADS": threads}
        self.name, self.rounds = name, []
        self._process = subprocess.Popen(
            [
                interpreter,
                str(Path(__file__).with_name("training_process.py")),
                json.dumps({"name": name, **settings}),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def do(self, job, **arguments):
        """Have a job done, and return what it cost."""
        print(json.dumps({"do": job, **arguments}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise click.ClickException(f"{self.name} ended; see above")
        return json.loads(answer)

    def end(self):
        """Let the process go."""
        self._process.stdin.close()
        self._process.wait()


@click.command(help=__doc__, context_settings={"max_content_width": 100})
@click.option("--size", default=64, show_default=True, help="Pixels along a side.")
@click.option("--batch-size", default=16, show_default=True, help="Images in a batch.")
@click.option("--filters", default=64, show_default=True, help="Of generator and discriminator.")
@click.option(
    "--threads",
    default=1,
    show_default=True,
    help="Threads, and cores, of each; 0: all there are, as an accelerator wants it.",
)
@click.option("--rounds", default=5, show_default=True, help="Turns of each contender.")
@click.option("--batches", default=3, show_default=True, help="Batches in a turn.")
@click.option("--only", multiple=True, help=f"Of {', '.join((*BACKENDS, *NATIVE))}.")
@click.option("--python", "pythons", multiple=True, help="BACKEND=INTERPRETER, if not this one.")
@click.option("--until-r2", type=float, help="Train on --store up to this R2 instead.")
@click.option("--store", type=click.Path(exists=True), help="A generated data set.")
@click.option("--most-minutes", default=30.0, show_default=True, help="Of each, with --until-r2.")
@click.option("--json", "as_json", is_flag=True, help="Print every round, for machines.")
def main(pythons, only, until_r2, store, most_minutes, rounds, batches, as_json, **settings):
    """Measure, and print a table."""
    interpreters = find_interpreters(dict(each.split("=", 1) for each in pythons))
    names = [name for name in (*BACKENDS, *NATIVE) if framework_of(name) in interpreters]
    chosen = [name for name in names if name in (only or names)]
    click.echo(f"{processor()}, {date.today()}; {settings}", err=as_json)
    makers = {
        name: lambda name=name: Contender(name, interpreters[framework_of(name)], **settings)
        for name in chosen
    }
    if until_r2 is None:
        results = measure_speed(makers, rounds, batches)
        report_speed(results, settings["threads"])
    else:
        results = measure_until(makers, until_r2, store, most_minutes)
    if as_json:
        click.echo(json.dumps({"settings": settings, "results": results}))


def framework_of(contender):
    """Return the framework that a contender computes with."""
    return contender.removeprefix("native-")


def find_interpreters(given):
    """Return which interpreter has which backend; say which backend there is not."""
    found = {}
    for backend in BACKENDS:
        interpreter = given.get(backend, sys.executable)
        if shutil.which(interpreter) is None:
            raise click.BadParameter(f"--python: no such interpreter: {interpreter}")
        test = f"from importlib.util import find_spec as find; exit(not find('{backend}'))"
        if subprocess.run([interpreter, "-c", test], check=False).returncode == 0:
            found[backend] = interpreter
        else:
            click.echo(f"{backend}: not installed in {interpreter}", err=True)
    return found


def measure_speed(makers, rounds, batches):
    """Return what the first batch and every later turn of each contender cost."""
    contenders = [make() for make in makers.values()]
    try:
        results = {each.name: {"first": each.do("warm", batches=1)} for each in contenders}
        for each in contenders:
            each.do("warm", batches=batches)
        for turn in range(rounds):
            for each in contenders if turn % 2 == 0 else reversed(contenders):
                results[each.name].setdefault("rounds", []).append(each.do("warm", batches=batches))
    finally:
        for each in contenders:
            each.end()
    return results


def report_speed(results, threads):
    """Print images a second and memory, and the ratios to the native loops."""
    columns = ("images/s", "images/processor s", "first batch, s", "peak, GB", "accelerator, GB")
    click.echo(f"{'contender':<22}" + "".join(f"{column:>20}" for column in columns))
    for name, result in results.items():
        values = [
            *(
                statistics.median(turn["images"] / turn[key] for turn in result["rounds"])
                for key in ("wall_s", "processor_s")
            ),
            result["first"]["wall_s"],
            *(
                max(turn[key] for turn in result["rounds"])
                for key in ("peak_gb", "accelerator_peak_gb")
            ),
        ]
        click.echo(f"{name:<22}" + "".join(f"{value:>20.2f}" for value in values))
    cost = "processor_s" if threads == 1 else "wall_s"
    for native in (name for name in NATIVE if name in results):
        for name in (name for name in BACKENDS if name in results):
            pairs = zip(results[native]["rounds"], results[name]["rounds"], strict=True)
            ratios = sorted(one[cost] / two[cost] for one, two in pairs)
            click.echo(
                f"{name} / {native}: {statistics.median(ratios):.2f} "
                f"({ratios[0]:.2f} to {ratios[-1]:.2f}, {cost.removesuffix('_s')} time)"
            )


def measure_until(makers, goal, store, most_minutes):
    """Train one contender after the other, as far as the goal; return the course of each."""
    if store is None:
        raise click.UsageError("--until-r2 needs --store")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        file = write_arrays(store, Path(folder) / "arrays.npz")
        for name, make in makers.items():
            contender = make()
            try:
                results[name] = course(contender, file, goal, most_minutes)
            finally:
                contender.end()
    return results


def course(contender, file, goal, most_minutes):
    """Train up to the goal; return time used and R2 after every 1,600 images."""
    spent, points = {"wall_s": 0.0, "processor_s": 0.0}, []
    while True:
        cost = contender.do("learn", file=str(file), images=1600)
        spent = {key: value + cost[key] for key, value in spent.items()}
        points.append({**spent, "r2": cost["r2"]})
        minutes = {key: value / 60 for key, value in spent.items()}
        line = f"{contender.name}: {1600 * len(points)} images, R2 {cost['r2']:.4f}"
        click.echo(
            f"{line}, {minutes['wall_s']:.1f} min, {minutes['processor_s']:.1f} processor min",
            err=True,
        )
        if cost["r2"] >= goal or minutes["processor_s"] >= most_minutes:
            reached = "reached" if cost["r2"] >= goal else "not reached"
            click.echo(f"{contender.name}: {goal} {reached}, {minutes['processor_s']:.1f} min")
            return points


def write_arrays(store, path):
    """Write scaled inputs and targets of the task potential-to-density, as all contenders take."""
    import numpy as np

    import keras_qd
    from keras_qd.tasks import Pipeline

    task, dataset = keras_qd.task("potential-to-density"), keras_qd.load("stored", path=store)
    pipeline = Pipeline.fit(task, dataset.split("train"), dataset.fields)
    training, validation = dataset.split("train"), dataset.split("validation")
    np.savez(
        path,
        x=pipeline.scale_inputs(training),
        y=pipeline.scale_targets(training),
        x_validation=pipeline.scale_inputs(validation),
        y_validation=pipeline.scale_targets(validation),
    )
    return path


if __name__ == "__main__":
    main()
