"""Importing keras_qd first lets keras find the backend that is installed."""

import keras_qd  # noqa: F401
