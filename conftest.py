"""Keeps pytest from importing the training steps of backends that are not there."""

from importlib.util import find_spec

_STEPS = "src/keras_qd/models/steps"

collect_ignore = [
    f"{_STEPS}/{backend}.py"
    for backend in ("jax", "tensorflow", "torch")
    if find_spec(backend) is None
]
