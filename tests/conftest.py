"""What all tests share: a backend that is installed, and property tests that repeat themselves."""

import os

from hypothesis import settings

import keras_qd  # noqa: F401  (lets keras find an installed backend)

# Trained runs, made once a session for the tests of all folders.
from tests.digits import autoencoder, bars, classifier  # noqa: F401
from tests.wells import dataset, keras_qd_command, run, trained  # noqa: F401

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
