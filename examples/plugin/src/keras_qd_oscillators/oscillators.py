"""The data set: parabolas and their exact ground-state energies."""

import numpy as np

from keras_qd.datasets import ArrayDataset, Field


def oscillators(samples: int = 2000, points: int = 32, seed: int = 0) -> ArrayDataset:
    """Return parabolic wells V(x) = omega^2 (x - x0)^2 / 2 + c and energies E = omega / 2 + c."""
    generator = np.random.default_rng(seed)
    omega, centre, offset = (
        generator.uniform(low, high, size=(samples, 1))
        for low, high in ((0.5, 2.0), (-1.0, 1.0), (-0.5, 0.5))
    )
    x = np.linspace(-4.0, 4.0, points)
    wells = {
        "potential": 0.5 * (omega * (x - centre)) ** 2 + offset,
        "energy": 0.5 * omega[:, 0] + offset[:, 0],
    }
    first, second = int(0.8 * samples), int(0.9 * samples)
    return ArrayDataset(
        train={name: array[:first] for name, array in wells.items()},
        validation={name: array[first:second] for name, array in wells.items()},
        test={name: array[second:] for name, array in wells.items()},
        fields={
            "potential": Field(shape=(points,), unit="Ha*", meaning="parabolic well"),
            "energy": Field(shape=(), unit="Ha*", meaning="ground-state energy"),
        },
    )
