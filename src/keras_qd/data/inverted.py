"""Inverted densities as samples of a store."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from keras_qd.data.field import Field
from keras_qd.data.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Inverted(Recipe):
    """Inversions that are done, to be written.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The values of each field, with the inversions along the first axis.
    described : mapping of str to Field
        Shape, type, unit and meaning of each field.
    problem : mapping of str to object
        What was inverted how, as plain JSON.
    """

    kind: ClassVar[str] = "inverted"
    version: ClassVar[int] = 1
    identity: ClassVar[str] = "potential"

    arrays: Mapping[str, np.ndarray]
    described: Mapping[str, Field]
    problem: Mapping[str, Any]

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""
        return self.described

    @property
    def n_samples(self) -> int:
        """How many inversions there are."""
        return len(self.arrays[self.identity])

    def settings(self) -> dict[str, Any]:
        """Return what was inverted how, and a checksum of the results, as plain JSON."""
        digest = hashlib.sha256()
        for name in sorted(self.arrays):
            digest.update(name.encode() + np.ascontiguousarray(self.arrays[name]).tobytes())
        return {**self.problem, "results": digest.hexdigest()}

    def make(self, indices: range) -> dict[str, np.ndarray]:
        """Return inversions; see :meth:`Recipe.make`."""
        return {name: values[indices.start : indices.stop] for name, values in self.arrays.items()}
