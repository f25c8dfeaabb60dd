"""All that is wrong with some data, told at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from keras_qd.errors import DataError


class Faults:
    """Collects what is wrong, so that nobody has to mend one fault to hear of the next.

    Examples
    --------
    >>> faults = Faults("the files cannot be imported")
    >>> faults.add("a.npy is empty")
    >>> faults.add("b.npy is missing")
    >>> faults.settle()
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

    def add(self, fault: str) -> None:
        """Add one fault."""
        self._found.append(fault)

    def extend(self, faults: Iterable[str]) -> None:
        """Add several faults."""
        self._found.extend(faults)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Add the `DataError` that the block raises, if it does."""
        try:
            yield
        except DataError as error:
            self.add(str(error))

    def settle(self) -> None:
        """Raise a DataError that lists all faults, if there are any.

        Raises
        ------
        DataError
        """
        if not self._found:
            return
        if len(self._found) == 1:
            raise DataError(f"{self._what}: {self._found[0]}")
        listing = "; ".join(f"({n}) {fault}" for n, fault in enumerate(self._found, 1))
        raise DataError(f"{self._what}, for {len(self._found)} reasons: {listing}")
