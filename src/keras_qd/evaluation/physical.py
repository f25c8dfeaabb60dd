"""What the metadata of a data set say about the box."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def box_length(metadata: Mapping[str, Any]) -> float | None:
    """Return the side of the box, in a0*; None where the metadata do not say.

    Parameters
    ----------
    metadata : mapping
        Of a data set.

    Examples
    --------
    >>> box_length({"configuration": {"length": 10}})
    10.0
    """
    configuration = metadata.get("configuration")
    for place in (metadata, configuration if isinstance(configuration, Mapping) else {}):
        value = place.get("length")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return None
