"""How much of an evaluation is spent outside the model's prediction and scikit-image.

    python benchmarks/evaluation.py [SYSTEMS]

Judges made-up 64 x 64 predictions by every metric of the density tasks, in physical and in scaled
values, with 1000 bootstrap draws, and compares the time with that of the default pix2pix for as
many systems.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

import keras_qd
from keras_qd.evaluation.parity import count_parity
from keras_qd.evaluation.prediction import predict_scaled
from keras_qd.evaluation.scores import Comparison, score
from keras_qd.metrics import Context

#: Systems that the model is timed on; more would only take longer.
TIMED = 256


def seconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main(n_systems: int) -> None:
    """Print the shares."""
    rng = np.random.default_rng(0)
    exact = rng.normal(size=(n_systems, 64, 64)).astype(np.float32)
    predicted = exact + np.float32(0.1)
    trivial = np.broadcast_to(exact.mean(axis=0), exact.shape)
    spaces = [
        Comparison("density", space, "", exact, predicted, trivial, Context())
        for space in ("physical", "scaled")
    ]

    def judge(*names: str) -> float:
        metrics = {name: keras_qd.metric(name) for name in names}
        return seconds(lambda: score(metrics, spaces, n_draws=1000, rng=rng))

    model, images = keras_qd.build("pix2pix"), exact[:TIMED, ..., None]
    predict_scaled(model, images[:64], 64)
    spent = {
        "pix2pix": seconds(lambda: predict_scaled(model, images, 64)) * n_systems / len(images),
        "scikit-image": judge("ssim"),
        "the rest": judge("l1", "l2", "linf", "r2", "psnr")
        + seconds(lambda: count_parity("density", exact, predicted)),
    }
    total = sum(spent.values())
    for name, value in spent.items():
        print(f"{name:13s}{value:8.1f} s  {100 * value / total:5.1f} %")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
