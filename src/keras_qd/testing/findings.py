"""What a check finds wrong: collected one by one, told all at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from keras_qd.errors import ConformanceError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

#: Of a message that somebody else wrote, such as Keras with a whole configuration in it.
_LONGEST = 400


class Findings:
    """The faults of one component, in the order in which they were found.

    Parameters
    ----------
    what : str
        What is checked, in words: ``"the model 'my-net'"``.

    Examples
    --------
    >>> found = Findings("the model 'my-net'")
    >>> found.require(1 + 1 == 3, "it cannot add", "learn it")
    False
    >>> found.attempt("dividing", lambda a, b: a / b, 1, 0)
    >>> found.faults
    ['it cannot add: learn it', 'dividing raises ZeroDivisionError: division by zero']
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self.faults: list[str] = []
        self._cause: Exception | None = None

    def add(self, fault: str, advice: str) -> None:
        """Note a fault, and what to do about it."""
        self.faults.append(f"{fault}: {advice}")

    def require(self, holds: bool, fault: str, advice: str) -> bool:
        """Note a fault unless `holds`, and return whether it does."""
        if not holds:
            self.add(fault, advice)
        return bool(holds)

    def attempt(
        self,
        doing: str,
        function: Callable[Arguments, Result],
        *arguments: Arguments.args,
        **settings: Arguments.kwargs,
    ) -> Result | None:
        """Return what a function returns; where it raises, note that and return None."""
        try:
            return function(*arguments, **settings)
        except Exception as cause:  # somebody else's code may raise anything: that is a finding
            message = " ".join(str(cause).split())[:_LONGEST]
            self.faults.append(f"{doing} raises {type(cause).__name__}: {message}")
            self._cause = self._cause or cause
            return None

    def raise_if_any(self) -> None:
        """Raise all that was found.

        Raises
        ------
        ConformanceError
            If there is any fault. Its cause is the first exception that was met.
        """
        if self.faults:
            raise ConformanceError(self.what, self.faults) from self._cause


def survives_json(value: Any) -> bool:
    """Whether a value comes back from JSON as it was, tuples as lists.

    Examples
    --------
    >>> survives_json({"a": (1, 2.5, None)}), survives_json({"a": {1, 2}}), survives_json({1: "a"})
    (True, False, False)
    """
    try:
        return bool(json.loads(json.dumps(value)) == _listed(value))
    except (TypeError, ValueError):
        return False


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(entry) for key, entry in value.items()}
    return [_listed(entry) for entry in value] if isinstance(value, list | tuple) else value
