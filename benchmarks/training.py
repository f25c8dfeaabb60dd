"""Training speed of pix2pix on the running backend, in images a second.

KERAS_BACKEND=jax python benchmarks/training.py --filters 64 --threads 1
"""

import json
import os
import platform
import time
from datetime import date

import click


@click.command()
@click.option("--filters", default=64, show_default=True, help="Of generator and discriminator.")
@click.option("--size", default=64, show_default=True, help="Pixels along a side.")
@click.option("--batch-size", default=16, show_default=True, help="Images in a batch.")
@click.option("--batches", default=10, show_default=True, help="Batches that are timed.")
@click.option("--threads", default=1, show_default=True, help="Threads of the backend.")
def main(filters, size, batch_size, batches, threads):
    """Time one epoch of pix2pix after a first one that compiles."""
    limit_threads(threads)
    import numpy as np

    import keras_qd

    keras_qd.backend.ensure_backend()
    import keras

    if keras.config.backend() == "torch":
        import torch

        torch.set_num_threads(threads)
    model = keras_qd.build("pix2pix", input_shape=(size, size, 1), filters=filters)
    images = np.random.default_rng(0).normal(size=(batch_size * batches, size, size, 1))
    seconds = [time_epoch(model, images.astype("float32"), batch_size) for _ in range(3)]
    click.echo(
        json.dumps(
            {
                "backend": keras.config.backend(),
                "filters": filters,
                "size": size,
                "batch_size": batch_size,
                "threads": threads,
                "first_epoch_s": round(seconds[0], 2),
                "images_per_s": round(len(images) / min(seconds[1:]), 2),
                "machine": platform.machine(),
                "date": str(date.today()),
            }
        )
    )


def limit_threads(threads):
    """Hold the process to as many cores as threads: every backend obeys that."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def time_epoch(model, images, batch_size):
    """Return the seconds that one pass over `images` takes."""
    started = time.perf_counter()
    model.fit(images, images, batch_size=batch_size, verbose=0)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
