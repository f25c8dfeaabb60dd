"""What a run ran on: versions, backend, machine."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from keras_qd.backend import ensure_backend

_PACKAGES = (
    "keras-qd",
    "keras",
    "tensorflow",
    "torch",
    "jax",
    "numpy",
    "scipy",
    "scikit-image",
    "zarr",
)


def describe_environment() -> dict[str, Any]:
    """Return the backend, the versions of the packages that matter, and the kind of machine.

    Returns
    -------
    dict
        ``backend``, ``python``, ``platform``, ``processors`` and ``packages`` (name -> version);
        nothing in it names a person or a path.

    Examples
    --------
    >>> sorted(describe_environment())
    ['backend', 'packages', 'platform', 'processors', 'python']
    """
    return {
        "backend": ensure_backend(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "packages": installed_versions(),
    }


def installed_versions() -> dict[str, str]:
    """Return the versions of those packages that matter here and are installed."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
