"""Errors that a conformance check finds: collected one by one, raised all at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np

from keras_qd.backend import ensure_backend, installed_backends
from keras_qd.errors import ConformanceError, UnknownNameError
from keras_qd.registry import KINDS, THIS_SESSION, PluginWarning, components, is_component_name

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

#: Most characters of a message of other code, such as Keras with a whole configuration in it.
_LONGEST = 400


class Findings:
    """The errors of one component, in the order in which they were found."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.errors: list[str] = []
        self._cause: BaseException | None = None

    def add(self, error: str, advice: str) -> None:
        """Add an error, and what to do about it."""
        self.errors.append(f"{error}: {advice}")

    def require(self, holds: bool, error: str, advice: str) -> bool:
        """Add an error unless `holds`, and return `holds`."""
        if not holds:
            self.add(error, advice)
        return bool(holds)

    def attempt(
        self,
        doing: str,
        function: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **settings: Arguments.kwargs,
    ) -> Result | None:
        """Return the result of a function; if it raises, add the error and return None."""
        try:
            return function(*arguments, **settings)
        except (Exception, SystemExit) as cause:  # code of others may raise anything: report it
            message = " ".join(str(cause).split())[:_LONGEST]
            self.errors.append(f"{doing} raises {type(cause).__name__}: {message}")
            self._cause = self._cause or cause
            return None

    def locate(self, value_of: Callable[[int], float], n_samples: int) -> None:
        """Add to the last error the first sample whose value is not finite or raises."""
        wrong = (sample for sample in range(n_samples) if not _is_finite(value_of, sample))
        first = next(wrong, None)
        if first is not None:
            self.errors[-1] += f" (first in sample {first})"

    def raise_if_any(self) -> None:
        """Raise a ConformanceError with all errors, if any; its cause is the first exception."""
        if self.errors:
            raise ConformanceError(self.what, self.errors) from self._cause


def _is_finite(value_of: Callable[[int], float], sample: int) -> bool:
    try:
        return bool(np.isfinite(value_of(sample)))
    except Exception:  # code of others may raise anything: the sample is found
        return False


def survives_json(value: Any) -> bool:
    """Return whether a value is the same after JSON, with tuples as lists."""
    try:
        return bool(json.loads(json.dumps(value)) == _listed(value))
    except (TypeError, ValueError):
        return False


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(entry) for key, entry in value.items()}
    return [_listed(entry) for entry in value] if isinstance(value, list | tuple) else value


_SCRIPT = """
import json, sys
from keras_qd import testing
from keras_qd.errors import ConformanceError
check, name, settings = json.load(sys.stdin)
errors = []
try:
    getattr(testing, check)(name, backends=(), **settings)
except ConformanceError as error:
    errors = list(error.errors)
print(json.dumps(errors))
"""


def check_elsewhere(
    found: Findings,
    check: str,
    kind: str,
    name: str,
    settings: Mapping[str, Any],
    backends: Sequence[str] | None,
) -> None:
    """Repeat a check on the other backends, and add the errors that occur only there."""
    installed = installed_backends()
    wanted = installed if backends is None else list(backends)
    for backend in wanted:
        if backend not in installed:
            raise UnknownNameError("installed backend", backend, installed)
    others = [backend for backend in wanted if backend != ensure_backend()]
    if others and components(kind).origin(name) == THIS_SESSION:
        found.add(
            "it is registered in this session only, where no other process finds it",
            "announce it as an entry point, or check it on this backend alone with backends=()",
        )
        return
    here = list(found.errors)
    for backend in others:
        errors = errors_on(backend, check, name, settings)
        found.errors += [f"on {backend}: {error}" for error in errors if error not in here]


def errors_on(backend: str, check: str, name: str, settings: Mapping[str, Any]) -> list[str]:
    """Return the errors of a check in a new process on one backend."""
    process = subprocess.run(  # noqa: S603 - this interpreter, a constant script
        [sys.executable, "-c", _SCRIPT],
        input=json.dumps([check, name, settings]),
        # The other process has the path of this one, with the plug-in under test.
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
        return [str(error) for error in json.loads(process.stdout.splitlines()[-1])]
    last = (process.stderr.strip().splitlines() or ["without a message"])[-1]
    return [f"the check itself ended with exit code {process.returncode}: {last}"]


def find_registered(found: Findings, kind: str, name: str) -> Any:
    """Import a component by its registered name; if that fails, add the error and return None."""
    found.require(
        is_component_name(name),
        f"{name!r} is not a valid name for a {KINDS[kind]}",
        "use lower-case words joined with hyphens, such as 'my-net'",
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PluginWarning)
        component = found.attempt("looking it up", components(kind).get, name)
    for entry in caught:
        if issubclass(entry.category, PluginWarning):
            found.add(str(entry.message), "a check of it would be one of keras-qd's own")
    if component is None:
        return None
    if kind != "tasks" and not callable(component):
        found.add(
            f"what is registered is a {type(component).__name__}",
            f"let the entry point name a class or function that returns the {KINDS[kind]}",
        )
        return None
    return component
