"""The same check on every installed backend, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from keras_qd.backend import ensure_backend, installed_backends
from keras_qd.errors import UnknownNameError
from keras_qd.registry import THIS_SESSION, registry
from keras_qd.testing.findings import Findings

_SCRIPT = """
import json, sys
from keras_qd import testing
from keras_qd.errors import ConformanceError
check, name, settings = json.load(sys.stdin)
faults = []
try:
    getattr(testing, check)(name, backends=(), **settings)
except ConformanceError as error:
    faults = list(error.faults)
print(json.dumps(faults))
"""


def check_elsewhere(
    found: Findings,
    check: str,
    kind: str,
    name: str,
    settings: Mapping[str, Any],
    backends: Sequence[str] | None,
) -> None:
    """Repeat a check on the other backends, and note what is wrong there and not here.

    Parameters
    ----------
    found : Findings
        What was found on the backend that runs here; takes what is found elsewhere.
    check : str
        Name of a function of :mod:`keras_qd.testing`.
    kind, name : str
        Kind and registered name of the component.
    settings : mapping
        The other arguments of the check, as JSON can hold them.
    backends : sequence of str, optional
        The backends to check on; all that are installed by default.

    Raises
    ------
    UnknownNameError
        If one of the backends is not installed.
    """
    installed = installed_backends()
    wanted = installed if backends is None else list(backends)
    for backend in wanted:
        if backend not in installed:
            raise UnknownNameError("installed backend", backend, installed)
    others = [backend for backend in wanted if backend != ensure_backend()]
    if others and registry(kind).origin(name) == THIS_SESSION:
        found.add(
            "it is registered in this session only, where no other process finds it",
            "announce it as an entry point, or check it on this backend alone with backends=()",
        )
        return
    here = list(found.faults)
    for backend in others:
        faults = faults_on(backend, check, name, settings)
        found.faults += [f"on {backend}: {fault}" for fault in faults if fault not in here]


def faults_on(backend: str, check: str, name: str, settings: Mapping[str, Any]) -> list[str]:
    """Return what a check finds in a fresh process on one backend."""
    process = subprocess.run(  # noqa: S603 - this interpreter, a constant script
        [sys.executable, "-c", _SCRIPT],
        input=json.dumps([check, name, settings]),
        # The other process finds what this one has on its path, such as the plug-in under test.
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode == 0:
        return [str(fault) for fault in json.loads(process.stdout.splitlines()[-1])]
    last = (process.stderr.strip().splitlines() or ["without a message"])[-1]
    return [f"the check itself ended with exit code {process.returncode}: {last}"]
