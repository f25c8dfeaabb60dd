"""How fast batches come from a store, beside how fast the network takes them.

KERAS_BACKEND=tensorflow python benchmarks/reading.py --data dots.zarr

Without --data it makes a set of random images first: they compress worse than dots do, and so are
slower to read.
"""

import json
import os
import tempfile
import time
from datetime import date
from pathlib import Path

import click
from timing import processor


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="A store of quantum dots.")
@click.option("--samples", default=4000, show_default=True, help="Of the set that is made.")
@click.option("--task", default="potential-to-density", show_default=True, help="What is trained.")
@click.option("--batches", default=20, show_default=True, help="Batches that are trained on.")
def main(data, samples, task, batches):
    """Time an epoch of batches, from disk and from memory, and some training steps."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    with tempfile.TemporaryDirectory() as folder:
        path = data if data is not None else make_noise(Path(folder) / "noise.zarr", samples)
        rates = {
            "from_disk": reading_rate(path, task, memory_budget=2**24),
            "from_memory": reading_rate(path, task, memory_budget=2**40),
            "training": training_rate(path, task, batches),
        }
    found = {f"{name}_images_per_s": round(rate, 1) for name, rate in rates.items()}
    found["times_faster_from_disk"] = round(rates["from_disk"] / rates["training"], 1)
    click.echo(json.dumps({**found, "processor": processor(), "date": str(date.today())}))


def make_noise(path, samples):
    """Write a store of potentials and densities that are noise."""
    import numpy as np

    from keras_qd.data import import_files

    generator = np.random.default_rng(0)
    for name in ("potential", "density"):
        values = generator.normal(size=(samples, 64, 64)).astype("float32")
        np.save(path.with_name(f"{name}.npy"), values)
    sources = [path.with_name(f"{name}.npy") for name in ("potential", "density")]
    import_files(sources, path)
    return path


def open_batches(path, task, memory_budget):
    """Return the task, its fitted pipeline and its training batches."""
    import keras_qd
    from keras_qd.tasks import Pipeline
    from keras_qd.training.batches import training_batches

    task = keras_qd.task(task)
    dataset = keras_qd.load("stored", path=path, memory_budget=memory_budget)
    pipeline = Pipeline.fit(task, dataset.split("train"), dataset.fields)
    return task, pipeline, training_batches(task, pipeline, dataset.split("train"), 0, 0)


def reading_rate(path, task, memory_budget):
    """Return how many augmented, scaled samples a second an epoch has."""
    task, _, batches = open_batches(path, task, memory_budget)
    started = time.perf_counter()
    for index in range(len(batches)):
        batches[index]
    return len(batches) * task.batch_size / (time.perf_counter() - started)


def training_rate(path, task, n_batches):
    """Return how many samples a second the task's own network trains on."""
    import numpy as np

    task, pipeline, batches = open_batches(path, task, 2**40)
    model = task.build_model(pipeline.input_shape, pipeline.output_shape)
    pairs = [batches[index % len(batches)] for index in range(n_batches)]
    x, y = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    seconds = []
    for _ in range(3):  # the first one compiles
        started = time.perf_counter()
        model.fit(x, y, batch_size=task.batch_size, verbose=0)
        seconds.append(time.perf_counter() - started)
    return len(x) / min(seconds[1:])


if __name__ == "__main__":
    main()
