"""Arrays that others have made, as samples of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from keras_qd.data.field import Field
from keras_qd.data.foreign.foreign_array import ForeignArray
from keras_qd.data.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Imported(Recipe):
    """Samples that are read rather than made.

    Parameters
    ----------
    arrays : mapping of str to ForeignArray
        The array of each field, all of the same length.
    described : mapping of str to Field
        Shape, type, unit and meaning of each field.
    sources : sequence of mapping
        ``name`` and ``sha256`` of each file.
    identified_by : str
        The field that all others follow from.
    length : float, optional
        Side of the box, or length of the line, in a0*.
    """

    kind: ClassVar[str] = "imported"
    version: ClassVar[int] = 1

    arrays: Mapping[str, ForeignArray]
    described: Mapping[str, Field]
    sources: Sequence[Mapping[str, str]]
    identified_by: str
    length: float | None = None

    def __post_init__(self) -> None:
        # Those of other recipes belong to the class; here they depend on the arrays.
        object.__setattr__(self, "identity", self.identified_by)
        object.__setattr__(self, "batch", self.shard_samples)

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields of a sample, by name."""
        return self.described

    @property
    def n_samples(self) -> int:
        """How many samples there are."""
        return int(self.arrays[self.identified_by].values.shape[0])

    def settings(self) -> dict[str, Any]:
        """Return where each field comes from, as plain JSON."""
        fields = {
            name: {"from": self.arrays[name].place, **field.attributes()}
            for name, field in self.described.items()
        }
        return {
            "sources": [dict(source) for source in self.sources],
            "fields": fields,
            "identity": self.identified_by,
            "length": self.length,
        }

    def make(self, indices: range) -> dict[str, np.ndarray]:
        """Read samples; see :meth:`Recipe.make`. Beyond the last one it is repeated."""
        stop = min(indices.stop, self.n_samples)
        missing = indices.stop - stop
        made = {}
        for name, field in self.described.items():
            values = np.asarray(self.arrays[name].values[indices.start : stop])
            values = values.reshape(len(values), *field.shape)
            made[name] = np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])
        return made
