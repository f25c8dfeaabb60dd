"""A short test that an installation works: solver, data, and a training on every backend."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from keras_qd.backend import installed_backends
from keras_qd.data.quantum_dots import QuantumDots
from keras_qd.data.store.generate import generate
from keras_qd.data.stored import VARIABLE, StoredDataset
from keras_qd.physics.box import Box
from keras_qd.physics.references import two_electron_energy
from keras_qd.physics.solver import solve
from keras_qd.testing.findings import errors_on

_DOTS: dict[str, Any] = {"n_electrons": 1, "n_pixels": 16, "n_orbitals": 6}

#: A run of the chain that takes seconds: pix2pix, as small as it gets.
_CHANGES: dict[str, Any] = {
    "dataset_config": {**_DOTS, "samples": 40, "workers": 1},
    "model": "pix2pix",
    "model_config": {"filters": 2, "discriminator_filters": 2, "discriminator_levels": 1},
    "metrics": ["l1", "r2"],
}


@dataclass(frozen=True)
class InstallationCheck:
    """Result of checking one part of an installation.

    Parameters
    ----------
    part : str
        The part that was checked.
    errors : tuple of str
        Its errors; empty if it works.
    seconds : float
        Duration of the check.

    Examples
    --------
    >>> InstallationCheck("exact solver", (), 0.8).errors
    ()
    """

    part: str
    errors: tuple[str, ...]
    seconds: float


def self_test() -> Iterator[InstallationCheck]:
    """Check the installation: the solver, a stored data set, and a training on each backend.

    Yields
    ------
    InstallationCheck
        The result of each part, when it is done.

    Examples
    --------
    >>> from keras_qd.testing import self_test
    >>> next(self_test()).errors
    ()
    """
    yield _checked("exact solver", _solver_errors)
    with _empty_cache():
        yield _checked("stored data set", _data_errors)
        for backend in installed_backends():
            yield _checked(f"training on {backend}", partial(_run_errors, backend))


def _checked(part: str, find_errors: Callable[[], list[str]]) -> InstallationCheck:
    """Return the result of one check; whatever it raises is an error of the installation."""
    started = time.perf_counter()
    try:
        errors = find_errors()
    except Exception as cause:  # any error of an installation is a result
        errors = [f"{type(cause).__name__}: {cause}"]
    return InstallationCheck(part, tuple(errors), time.perf_counter() - started)


def _solver_errors() -> list[str]:
    """Compare two electrons in a parabola with the exact energy, 3 Ha* at omega = 1."""
    box = Box(10.0)
    x, y = box.mesh(32)
    found = solve(0.5 * ((x - 5.0) ** 2 + (y - 5.0) ** 2), box, n_electrons=2).energy
    exact = two_electron_energy(1.0)
    if abs(found - exact) < 2e-3:
        return []
    return [f"two electrons in a parabola have the energy {found:.4f} Ha*, exactly {exact:.4f}"]


def _data_errors() -> list[str]:
    """Compare generated samples with those read from a store."""
    recipe = QuantumDots(**_DOTS)
    with tempfile.TemporaryDirectory() as folder:
        store = generate(Path(folder) / "dots.zarr", recipe, 4, workers=1)
        stored = StoredDataset(store, fractions=(1.0, 0.0, 0.0)).split("train")["density"]
    if np.array_equal(np.asarray(stored), recipe.make(range(4))["density"].astype("float32")):
        return []
    return ["densities read from a store are not those that were written"]


def _run_errors(backend: str) -> list[str]:
    """Check a small task on one backend."""
    settings = {"changes": _CHANGES, "train": True}
    return errors_on(backend, "check_task", "potential-to-density", settings)


@contextmanager
def _empty_cache() -> Iterator[None]:
    """Use an empty cache directory instead of the user's."""
    before = os.environ.get(VARIABLE)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[VARIABLE] = folder
        try:
            yield
        finally:
            os.environ.pop(VARIABLE)
            if before is not None:
                os.environ[VARIABLE] = before
