"""What all tests share: a backend that is installed, and property tests that repeat themselves."""

import gc
import os
from pathlib import Path

from hypothesis import settings

import keras_qd  # noqa: F401  (lets keras find an installed backend)

import keras  # isort: skip  (after it)

# Trained runs, made once a session for the tests of all folders.
from tests.digits import (  # noqa: F401
    autoencoder,
    bars,
    classified,
    classifier,
    reconstructed,
)
from tests.springs import plugin  # noqa: F401
from tests.wells import (  # noqa: F401
    coarse_figures,
    dataset,
    evaluated,
    evaluated_run,
    invoke,
    keras_qd_command,
    on_a_line,
    quick_layout,
    run,
    trained,
)

# JAX spends most of these tests compiling: optimise less. Tests that start processes pass it on.
if os.environ.get("KERAS_BACKEND") == "jax":
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

#: Files that take longest: they come first, so that no process is alone with one at the end.
LONGEST = (
    "test_walk.py",
    "live/test_page.py",
    "training/test_devices.py",
    "cli/test_solve.py",
    "inverse/test_refine.py",
    "plugins/test_new_plugin.py",
    "plugins/test_tutorial.py",
    "examples/test_examples.py",
    "cli/test_demo.py",
    "tasks/test_energies.py",
    "tasks/test_digits.py",
    "report/test_report.py",
    "cli/test_train.py",
    "training/test_fit.py",
    "training/test_tuning.py",
    "physics/test_solver.py",
    "data/store/test_cluster.py",
    "parity/test_parity.py",
    "parity/test_exchange.py",
    "models/test_unet.py",
    "models/test_pix2pix.py",
)


def pytest_collection_modifyitems(items):
    """Start with the files that take longest; all others keep their order."""
    first = {Path(__file__).parent / name: index for index, name in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.path, len(first)))


def pytest_collection_finish():
    """Collect garbage less often, and never what imports have made; JAX would be slower for it."""
    if keras.config.backend() == "torch":
        gc.collect()
        gc.freeze()
        gc.set_threshold(2000, 50, 1000)


settings.register_profile("repeatable", derandomize=True, max_examples=30)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
