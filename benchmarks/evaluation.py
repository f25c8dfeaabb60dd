"""How much of an evaluation is spent outside the model's prediction and scikit-image.

    python benchmarks/evaluation.py [SYSTEMS] [--filters N]

Evaluates a run of the task potential-to-density as ``keras-qd evaluate`` does: every metric of the
task in physical and in scaled values, 1000 bootstrap draws, tables and files. The run is pix2pix
with the task's settings, trained for one epoch on a few pairs, and the test set is made-up images
of 64 x 64 pixels: neither changes how long an evaluation takes. Counted is processor time, which
other programs on the machine change less than the time by the clock.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import skimage.metrics

import keras_qd
from keras_qd.data import ArrayDataset, Field
from keras_qd.prediction import _predict as prediction

FIELDS = {
    "potential": Field((64, 64), "Ha*", "confinement potential"),
    "density": Field((64, 64), "1/a0*^2", "density"),
    "energy": Field((), "Ha*", "energy"),
}


class Clock:
    """Adds up the processor time that is spent in a function, wherever it is called from."""

    def __init__(self, owner: object, name: str) -> None:
        self.seconds = 0.0
        self._function = getattr(owner, name)
        setattr(owner, name, self)

    def __call__(self, *arguments: object, **options: object) -> object:
        started = time.process_time()
        try:
            return self._function(*arguments, **options)
        finally:
            self.seconds += time.process_time() - started


def made_up(n_systems: int, seed: int) -> dict[str, np.ndarray]:
    """Return smooth images in place of systems."""
    rng = np.random.default_rng(seed)
    waves = np.cos(np.outer(np.arange(6), np.pi * (np.arange(64) + 0.5) / 64))
    weights = rng.normal(size=(2, n_systems, 6, 6))
    images = np.einsum("fnij,iy,jx->fnyx", weights, waves, waves, optimize=True)
    potential, density = images.astype(np.float32)
    return {
        "potential": potential,
        "density": np.abs(density),
        "energy": rng.normal(size=n_systems),
    }


def main(n_systems: int, filters: int) -> None:
    """Print the shares."""
    data = ArrayDataset(
        train=made_up(32, 0),
        validation=made_up(16, 1),
        test=made_up(n_systems, 2),
        fields=FIELDS,
        metadata={"configuration": {"box_length": 10.0}},
    )
    task = keras_qd.task("potential-to-density", model="pix2pix", epochs=1)
    task = task.replace(model_config={**task.model_config, "filters": filters})
    with tempfile.TemporaryDirectory() as folder:
        run = keras_qd.train(task, Path(folder) / "run", dataset=data, report=lambda *_: None)
        model = Clock(prediction, "predict_fields")
        images = Clock(skimage.metrics, "structural_similarity")
        started = time.process_time()
        keras_qd.evaluate(run, data=data, cost=False)
        total = time.process_time() - started
    spent = {"prediction": model.seconds, "scikit-image": images.seconds}
    spent["the rest"] = total - sum(spent.values())
    for name, seconds in spent.items():
        print(f"{name:13s}{seconds:8.1f} s  {100 * seconds / total:5.1f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("systems", type=int, nargs="?", default=10_000)
    parser.add_argument("--filters", type=int, default=16, help="of the task's pix2pix")
    given = parser.parse_args()
    main(given.systems, given.filters)
