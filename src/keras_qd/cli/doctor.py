"""``keras-qd doctor``: versions, backends, devices, optional parts and plug-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from typing import Any

import click

from keras_qd.backend import PREFERENCE, ensure_backend, installed_backends
from keras_qd.cli.extras import describe_extras
from keras_qd.cli.options import as_json, print_json, print_table
from keras_qd.errors import KerasQDError
from keras_qd.registry import KINDS, PluginWarning, components
from keras_qd.training.run import describe_environment

#: Run in a process of its own: one process can hold only one Keras backend.
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
    help="Also solve, store, train and predict on a small scale, on every backend: a minute each.",
)
@as_json
def command(self_test: bool, as_json: bool) -> None:
    """Tell which versions, backends, devices and optional parts there are, and try them.

    Exits with 1 when no backend works, or the self-test finds something wrong.

    \b
    Examples:
      keras-qd doctor
      keras-qd doctor --self-test
    """
    backends = {name: _probe(name) for name in installed_backends()}
    findings: dict[str, Any] = {
        "environment": describe_environment(),
        "backends": {name: backends.get(name, "not installed") for name in PREFERENCE},
        "optional_parts": describe_extras(),
        "broken_plugins": _broken_plugins(),
        **({"self_test": _self_test(quiet=as_json)} if self_test else {}),
    }
    print_json(findings) if as_json else _print(findings)
    if not any(isinstance(devices, list) for devices in backends.values()):
        raise KerasQDError("no Keras backend works; run: pip install 'keras-qd[jax]'")
    failed = [trial["part"] for trial in findings.get("self_test", []) if trial["faults"]]
    if failed:
        raise KerasQDError(f"the self-test failed: {', '.join(failed)}")


def _probe(name: str) -> list[str] | str:
    """Return the devices of a backend, or the last line of what went wrong."""
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
    """Import every component, and return what the broken ones say."""
    ensure_backend()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for kind in KINDS:
            components(kind).load_all()
    return [str(entry.message) for entry in caught if issubclass(entry.category, PluginWarning)]


def _self_test(quiet: bool) -> list[dict[str, Any]]:
    """Run the self-test, telling of each part as it ends."""
    import dataclasses

    from keras_qd.testing.installation import self_test

    trials = []
    for trial in self_test():
        trials.append(dataclasses.asdict(trial))
        if not quiet:
            result = "; ".join(trial.faults) or "works"
            click.echo(f"self-test: {trial.part} ({trial.seconds:.0f} s): {result}")
    return trials


def _print(findings: dict[str, Any]) -> None:
    environment = findings["environment"]
    print_table([*environment["packages"].items()], header=("package", "version"))
    click.echo(
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
    click.echo()
    print_table(rows, header=("backend", "devices", ""))
    click.echo()
    parts = [
        (part["extra"], "installed" if not part["missing"] else part["install"], part["brings"])
        for part in findings["optional_parts"]
    ]
    print_table(parts, header=("optional part", "", "brings"))
    for line in findings["broken_plugins"]:
        click.echo(f"plug-in: {line}")
