"""``keras-qd doctor``: versions, backends, devices, optional dependencies and plug-ins."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from typing import Any

import click

from keras_qd.backend import PREFERENCE, ensure_backend, installed_backends
from keras_qd.cli.options import as_json
from keras_qd.cli.output import echo, print_json, print_table
from keras_qd.errors import KerasQDError
from keras_qd.registry import KINDS, PluginWarning, components
from keras_qd.training.run import describe_environment

#: Extra -> what it is for.
EXTRAS = {
    "jax": "training and prediction on JAX",
    "tensorflow": "training and prediction on TensorFlow",
    "torch": "training and prediction on torch",
    "dask": "data generation on a Dask cluster",
    "onnx": "export to ONNX, verified with ONNX Runtime",
    "openvino": "export to OpenVINO",
    "litert": "export to LiteRT",
    "mlflow": "training logs in MLflow",
    "parquet": "tables of evaluations in Parquet",
    "tensorboard": "training logs in TensorBoard",
    "remote": "data sets at URLs, in object stores",
    "live": "a page in the browser on which to draw potentials",
    "tune": "searches for the best settings of a task",
}

#: Run in a separate process, because a process can use only one Keras backend.
_PROBE = """
import json, keras
keras.ops.convert_to_numpy(keras.ops.ones((2, 2)) @ keras.ops.ones((2, 2)))
backend = keras.config.backend()
if backend == "tensorflow":
    import tensorflow
    devices = [device.name for device in tensorflow.config.list_logical_devices()]
elif backend == "torch":
    import torch
    devices = [f"cuda:{index}" for index in range(torch.cuda.device_count())] or ["cpu"]
else:
    import jax
    devices = [str(device) for device in jax.devices()]
print(json.dumps(devices))
"""


@click.command("doctor")
@click.option(
    "--self-test",
    is_flag=True,
    help="Also solve, store, train and predict on a small scale: about a minute per backend.",
)
@as_json
def command(self_test: bool, as_json: bool) -> None:
    """Show versions, backends, devices and optional dependencies, and test the backends.

    The exit code is 1 if no backend works or the self-test fails.

    \b
    Examples:
      keras-qd doctor
      keras-qd doctor --self-test
    """
    backends = {name: _probe(name) for name in installed_backends()}
    findings: dict[str, Any] = {
        "environment": describe_environment(),
        "backends": {name: backends.get(name, "not installed") for name in PREFERENCE},
        "optional_parts": _extras(),
        "broken_plugins": _broken_plugins(),
        **({"self_test": _self_test(quiet=as_json)} if self_test else {}),
    }
    print_json(findings) if as_json else _print(findings)
    if not any(isinstance(devices, list) for devices in backends.values()):
        raise KerasQDError("no Keras backend works; run: pip install 'keras-qd[jax]'")
    failed = [trial["part"] for trial in findings.get("self_test", []) if trial["errors"]]
    if failed:
        raise KerasQDError(f"the self-test failed: {', '.join(failed)}")


def _probe(name: str) -> list[str] | str:
    """Return the devices of a backend, or the last line of its error message."""
    process = subprocess.run(  # noqa: S603 - this interpreter, a constant script
        [sys.executable, "-c", _PROBE],
        env={**os.environ, "KERAS_BACKEND": name, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode == 0:
        return list(json.loads(process.stdout.splitlines()[-1]))
    return "broken: " + (process.stderr.strip().splitlines() or ["no message"])[-1]


def _broken_plugins() -> list[str]:
    """Import every component, and return the errors of those that fail."""
    ensure_backend()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for kind in KINDS:
            components(kind).load_all()
    return [str(entry.message) for entry in caught if issubclass(entry.category, PluginWarning)]


def _self_test(quiet: bool) -> list[dict[str, Any]]:
    """Run the self-test, and print the result of each part unless `quiet`."""
    import dataclasses

    from keras_qd.testing.installation import self_test

    trials = []
    for trial in self_test():
        trials.append(dataclasses.asdict(trial))
        if not quiet:
            result = "; ".join(trial.errors) or "works"
            echo(f"self-test: {trial.part} ({trial.seconds:.0f} s): {result}")
    return trials


def _extras() -> list[dict[str, Any]]:
    """Return every extra of the installed keras-qd, its purpose and what is missing of it."""
    extras = metadata("keras-qd").get_all("Provides-Extra") or []
    return [
        {
            "extra": extra,
            "purpose": EXTRAS.get(extra, ", ".join(_requirements(extra))),
            "missing": [name for name in _requirements(extra) if not _is_installed(name)],
            "install": f"pip install 'keras-qd[{extra}]'",
        }
        for extra in sorted(extras)
    ]


def _requirements(extra: str) -> list[str]:
    """Return the names of the distributions that an extra requires."""
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


def _print(findings: dict[str, Any]) -> None:
    environment = findings["environment"]
    print_table([*environment["packages"].items()], header=("package", "version"))
    echo(
        f"\nPython {environment['python']} on {environment['platform']}, "
        f"{environment['processors']} processors"
    )
    rows = [
        (
            name,
            ", ".join(found) if isinstance(found, list) else found,
            "in use" if name == environment["backend"] else "",
        )
        for name, found in findings["backends"].items()
    ]
    echo()
    print_table(rows, header=("backend", "devices", ""))
    echo()
    parts = [
        (part["extra"], "installed" if not part["missing"] else part["install"], part["purpose"])
        for part in findings["optional_parts"]
    ]
    print_table(parts, header=("optional", "", "for"))
    for line in findings["broken_plugins"]:
        echo(f"plug-in: {line}")
