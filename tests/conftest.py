"""What all tests share: a backend that is installed, and property tests that repeat themselves."""

import os

from hypothesis import settings

import keras_qd  # noqa: F401  (lets keras find an installed backend)

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
