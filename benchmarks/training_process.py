"""One contender of training.py, in a process of its own, which trains on request.

Reads a job a line from standard input, as JSON, and answers each with a line.
"""

import json
import os
import resource
import sys
import time

import numpy as np
from machine import hold_to


class Package:
    """This package on the backend that the environment names."""

    def __init__(self, size, filters, threads):
        import keras_qd

        backend = keras_qd.backend.ensure_backend()
        if backend == "torch":
            set_torch_threads(threads)
        self._model = keras_qd.build("pix2pix", input_shape=(size, size, 1), filters=filters)

    def train(self, x, y, batch_size):
        """Train one epoch on images in order, shape (n, size, size, 1)."""
        from keras_qd.training import Batches, feed

        batches = Batches(x, y, batch_size, shuffle=False)
        self._model.fit(feed(batches), verbose=0, shuffle=False)

    def predict(self, x):
        """Return predictions of the same shape."""
        return self._model.predict(x, verbose=0)


class Native:
    """A plain loop in a framework's own code."""

    def __init__(self, framework, size, filters, threads):
        if framework == "torch":
            import native_torch as native
            import torch

            set_torch_threads(threads)
            device = "cuda" if torch.cuda.is_available() else "cpu"
            self._training = native.Training(size, filters, device=device)
        else:
            import native_tensorflow as native

            self._training = native.Training(size, filters)

    def train(self, x, y, batch_size):
        """Train one epoch on images in order, shape (n, size, size, 1)."""
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            losses = self._training.step(x[rows], y[rows])
        [float(loss) for loss in losses]  # waits for an accelerator

    def predict(self, x):
        """Return predictions of the same shape."""
        return np.concatenate([self._training.predict(part) for part in np.array_split(x, 10)])


class Trainer:
    """Does the jobs, and says what they cost."""

    def __init__(self, name, size, batch_size, filters, threads):
        framework = name.removeprefix("native-")
        if framework == name:
            self._contender = Package(size, filters, threads)
        else:
            self._contender = Native(framework, size, filters, threads)
        self._framework = framework
        self._batch_size, self._size = batch_size, size
        self._data, self._epoch = None, 0

    def warm(self, batches):
        """Train on noise; the first time compiles."""
        random = np.random.default_rng(0)
        shape = (2, batches * self._batch_size, self._size, self._size, 1)
        x, y = random.normal(size=shape).astype("float32")
        return self._timed(x, y)

    def learn(self, file, images):
        """Train on the next training images of a file, then evaluate the validation split."""
        if self._data is None:
            with np.load(file, allow_pickle=False) as arrays:
                self._data = {name: arrays[name] for name in arrays.files}
        rows = self._rows(images)
        cost = self._timed(self._data["x"][rows], self._data["y"][rows])
        exact = self._data["y_validation"]
        predicted = self._contender.predict(self._data["x_validation"])
        residual = ((predicted - exact) ** 2).sum(dtype="float64")
        spread = ((exact - exact.mean(axis=0)) ** 2).sum(dtype="float64")
        return {**cost, "r2": 1 - residual / spread}

    def _rows(self, images):
        """Return which images come next: the same ones for every contender."""
        self._epoch += 1
        n = len(self._data["x"])
        return np.random.default_rng(self._epoch).permutation(n)[:images]

    def _timed(self, x, y):
        wall, processor = time.perf_counter(), time.process_time()
        self._contender.train(x, y, self._batch_size)
        return {
            "images": len(x),
            "wall_s": time.perf_counter() - wall,
            "processor_s": time.process_time() - processor,
            "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
            "accelerator_peak_gb": accelerator_peak(self._framework) / 2**30,
        }


def set_torch_threads(threads):
    """Tell torch how many threads it has; 0 leaves it be."""
    import torch

    if threads:
        torch.set_num_threads(threads)


def accelerator_peak(framework):
    """Return the most bytes that tensors have taken of a GPU; 0 where there is none."""
    if framework == "torch":
        import torch

        return torch.cuda.max_memory_allocated()
    if framework == "jax":
        import jax

        return (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)
    import tensorflow as tf

    found = tf.config.list_logical_devices("GPU")
    return tf.config.experimental.get_memory_info(found[0].name)["peak"] if found else 0


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what frameworks print goes elsewhere
    settings = json.loads(sys.argv[1])
    hold_to(settings["threads"])
    trainer = Trainer(**settings)
    for line in sys.stdin:
        job = json.loads(line)
        result = getattr(trainer, job.pop("do"))(**job)
        print(json.dumps(result), file=answers, flush=True)


if __name__ == "__main__":
    main()
