"""Whether a component is found by its name, as everybody else looks for it."""

from __future__ import annotations

import warnings
from typing import Any

from keras_qd.registry import KINDS, PluginWarning, is_component_name, registry
from keras_qd.testing.findings import Findings


def find_registered(found: Findings, kind: str, name: str) -> Any:
    """Import a component by its registered name; None, and a finding, where that fails.

    Parameters
    ----------
    found : Findings
        Takes what is wrong.
    kind : str
        One of :data:`keras_qd.registry.KINDS`.
    name : str
        The registered name.
    """
    found.require(
        is_component_name(name),
        f"{name!r} is no name for a {KINDS[kind]}",
        "use lower-case words joined with hyphens, such as 'my-net'",
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PluginWarning)
        component = found.attempt("looking it up", registry(kind).get, name)
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
