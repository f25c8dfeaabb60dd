"""Keeps pytest from importing what needs a backend that is not there; options of the tests."""

from importlib.util import find_spec

_PACKAGES = ("src/keras_qd/models/steps", "src/keras_qd/training/devices")

collect_ignore_glob = [
    f"{package}/{backend}*.py"
    for package in _PACKAGES
    for backend in ("jax", "tensorflow", "torch")
    if find_spec(backend) is None
]


def pytest_addoption(parser):
    """Add the options of single tests."""
    parser.addoption(
        "--screenshots", metavar="DIR", help="write pictures of the live page here (tests/live)"
    )
