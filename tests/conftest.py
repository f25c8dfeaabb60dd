"""What all tests share: a backend that is installed, and property tests that repeat themselves."""

import os

from hypothesis import settings

import keras_qd  # noqa: F401  (lets keras find an installed backend)

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
    run,
    trained,
)

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
