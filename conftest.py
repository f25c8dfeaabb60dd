"""What every test needs: backends that are there, a cache of JAX's own, options."""

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

# Not the user's cache; processes that tests start inherit it.
os.environ.setdefault("KERAS_QD_JAX_CACHE", str(Path(__file__).parent / ".pytest_cache" / "jax"))

_PACKAGES = ("src/keras_qd/models/steps", "src/keras_qd/training/devices")

collect_ignore_glob = [
    f"{package}/{backend}*.py"
    for package in _PACKAGES
    for backend in ("jax", "tensorflow", "torch")
    if find_spec(backend) is None
]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One process a core on torch: each collects for ten seconds."""
    if os.environ.get("KERAS_BACKEND") != "torch" or not hasattr(os, "sched_getaffinity"):
        return None
    return len(os.sched_getaffinity(0))


def pytest_addoption(parser):
    """Add the options of single tests."""
    parser.addoption(
        "--screenshots", metavar="DIR", help="write pictures of the live page here (tests/live)"
    )
    parser.addoption(
        "--onnxruntime",
        metavar="DIR",
        help="folder dist of the npm package onnxruntime-web, for the static page (tests/live)",
    )
