"""Data and helpers for the metrics' tests."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest


def make_densities(seed: int, n: int = 6, size: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return references like electron densities, and predictions a few per cent off, float32."""
    generator = np.random.default_rng(seed)
    x = (np.arange(size) + 0.5) / size
    y, x = np.meshgrid(x, x, indexing="ij")
    centres = generator.uniform(0.25, 0.75, (2, n, 1, 1))
    widths = generator.uniform(0.05, 0.2, (n, 1, 1))
    reference = np.exp(-((x - centres[0]) ** 2 + (y - centres[1]) ** 2) / (2 * widths**2))
    noise = 0.02 * generator.normal(size=reference.shape)
    prediction = reference * (1 + noise) + 0.1 * noise
    return reference.astype("float32"), prediction.astype("float32")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240607)


@pytest.fixture(scope="session")
def densities() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    return make_densities


@pytest.fixture(scope="session")
def stream() -> Callable[..., float]:
    """Return a function that updates a metric batch by batch and returns its result."""

    def run(
        metric: Any, reference: Any, prediction: Any, size: int = 3, weights: Any = None
    ) -> float:
        # Batches of one size, as JAX compiles every operation anew for another one.
        for start in range(0, len(reference), size):
            batch = slice(start, start + size)
            part: Sequence[Any] | None = None if weights is None else weights[batch]
            metric.update_state(reference[batch], prediction[batch], sample_weight=part)
        return float(metric.result())

    return run
