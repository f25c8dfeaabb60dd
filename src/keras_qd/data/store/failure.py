"""What went wrong in a worker, told to whoever started it: as text, never as an object."""

from __future__ import annotations

import traceback
from typing import Any

from keras_qd import errors
from keras_qd.errors import KerasQDError


def describe_failure(error: Exception) -> dict[str, str]:
    """Return kind, message and traceback of an error."""
    return {
        "type": type(error).__name__,
        "message": str(error),
        "trace": "".join(traceback.format_exception(error)),
    }


def rebuild_failure(report: dict[str, Any]) -> KerasQDError:
    """Return the error that :func:`describe_failure` described, to be raised here.

    Errors that are not this package's come as a plain `KerasQDError` that names their kind.
    """
    kind = getattr(errors, report["type"], None)
    if kind in (None, errors.UnknownNameError):
        error = KerasQDError(f"a worker process failed: {report['type']}: {report['message']}")
    else:
        error = kind(report["message"])
    error.add_note(f"In a worker process:\n{report['trace']}")
    return error
