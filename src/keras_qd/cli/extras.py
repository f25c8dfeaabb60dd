"""The optional parts of keras-qd: which are installed, and what the others would bring."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import Any

#: Extra -> what it brings.
BRINGS = {
    "jax": "training and prediction on JAX",
    "tensorflow": "training and prediction on TensorFlow",
    "torch": "training and prediction on torch",
    "dask": "generating on a Dask cluster",
    "onnx": "export to ONNX, and a look at what ONNX Runtime makes of it",
    "openvino": "export to OpenVINO",
    "litert": "export to LiteRT",
    "mlflow": "runs that are followed in MLflow",
    "parquet": "data sets written to and read from Parquet",
    "remote": "data sets at URLs, in object stores",
    "tune": "a search for the best settings of a training",
}


def describe_extras() -> list[dict[str, Any]]:
    """Return every extra of the installed keras-qd, as plain JSON.

    Returns
    -------
    list of dict
        ``extra``, ``brings`` (in words), ``missing`` (distributions that are not installed) and
        ``install`` (the command that would).

    Examples
    --------
    >>> found = {part["extra"]: part["install"] for part in describe_extras()}
    >>> found["dask"]
    "pip install 'keras-qd[dask]'"
    """
    extras = metadata("keras-qd").get_all("Provides-Extra") or []
    return [
        {
            "extra": extra,
            "brings": BRINGS.get(extra, ", ".join(_requirements(extra))),
            "missing": [name for name in _requirements(extra) if not _is_installed(name)],
            "install": f"pip install 'keras-qd[{extra}]'",
        }
        for extra in sorted(extras)
    ]


def _requirements(extra: str) -> list[str]:
    """Return the names of the distributions that an extra asks for."""
    found = []
    for requirement in requires("keras-qd") or []:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        if name and re.search(rf"""extra\s*==\s*['"]{re.escape(extra)}['"]""", requirement):
            found.append(name.group())
    return found


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True
