"""Errors of keras-qd.

Each message names what was given, what was expected and what to do. The command line prints it in
one line and exits with ``exit_code``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager


class KerasQDError(Exception):
    """Base of all errors of keras-qd."""

    exit_code = 1


class UsageError(KerasQDError, ValueError):
    """An invalid argument or combination of arguments."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is not among the known ones.

    Parameters
    ----------
    kind : str
        The kind of thing that is named: ``"model"``, ``"interaction"``.
    name : str
        The name that was given.
    known : iterable of str
        The existing names.

    Examples
    --------
    >>> print(UnknownNameError("model", "pix2pixx", ["pix2pix", "unet"]))
    unknown model 'pix2pixx'; did you mean 'pix2pix'? Known: pix2pix, unet
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        super().__init__(
            f"unknown {kind} {name!r}; {hint}Known: {', '.join(names) if names else 'none'}"
        )


class DataError(KerasQDError, ValueError):
    """Unusable data: a wrong shape, a missing field, values that are not finite."""


class StoreError(KerasQDError, OSError):
    """A stored data set that cannot be read or written."""


class WorkerError(KerasQDError):
    """A worker process that died."""


class ClusterError(KerasQDError):
    """A cluster that cannot be reached, or that failed."""


class RunError(KerasQDError):
    """A run directory that cannot be used as requested."""


class PluginError(KerasQDError):
    """A plug-in that cannot be imported, or two that claim one name."""


class BackendError(KerasQDError):
    """No usable Keras backend, or one chosen too late."""


class PhysicsError(KerasQDError, ValueError):
    """A physical problem that the solvers refuse, with the reason."""


class ConformanceError(KerasQDError, AssertionError):
    """A component that breaks the rules of keras-qd, with all errors at once.

    Parameters
    ----------
    what : str
        The component that was checked, in words.
    errors : sequence of str
        The errors, each with what to do about it.

    Examples
    --------
    >>> print(ConformanceError("the model 'my-net'", ["it is not compiled: compile it"]))
    the model 'my-net' breaks the rules of keras-qd:
      1. it is not compiled: compile it
    """

    def __init__(self, what: str, errors: Sequence[str]) -> None:
        self.what = what
        self.errors = tuple(errors)
        listing = "".join(f"\n  {number}. {error}" for number, error in enumerate(errors, 1))
        super().__init__(f"{what} breaks the rules of keras-qd:{listing}")


class ErrorList:
    """Collects errors in data, so that they are reported all at once.

    Parameters
    ----------
    what : str
        Consequence of the errors, as the beginning of the message.

    Examples
    --------
    >>> errors = ErrorList("the files cannot be imported")
    >>> errors.add("a.npy is empty")
    >>> errors.add("b.npy is missing")
    >>> errors.settle()
    Traceback (most recent call last):
    ...
    keras_qd.errors.DataError: the files cannot be imported, for 2 reasons: (1) a.npy is empty;
    (2) b.npy is missing
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._found: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, error: str) -> None:
        """Add one error.

        Parameters
        ----------
        error : str
            Its message.
        """
        self._found.append(error)

    def extend(self, errors: Iterable[str]) -> None:
        """Add several errors.

        Parameters
        ----------
        errors : iterable of str
            Their messages.
        """
        self._found.extend(errors)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Add the message of a `DataError` that the block raises.

        Yields
        ------
        None
        """
        try:
            yield
        except DataError as error:
            self.add(str(error))

    def settle(self) -> None:
        """Raise a DataError that lists all errors, if there are any.

        Raises
        ------
        DataError
        """
        if not self._found:
            return
        if len(self._found) == 1:
            raise DataError(f"{self._what}: {self._found[0]}")
        listing = "; ".join(f"({n}) {error}" for n, error in enumerate(self._found, 1))
        raise DataError(f"{self._what}, for {len(self._found)} reasons: {listing}")
