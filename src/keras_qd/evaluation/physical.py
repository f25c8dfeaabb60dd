"""What the metadata of a data set say about the box."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def box_length(metadata: Mapping[str, Any]) -> float | None:
    """Return the side of the box or line, in a0*; None where the metadata do not say.

    Parameters
    ----------
    metadata : mapping
        Of a data set.

    Examples
    --------
    >>> box_length({"configuration": {"box_length": 10}})
    10.0
    """
    configuration = metadata.get("configuration")
    if not isinstance(configuration, Mapping):
        return None
    # The first name is that of boxes in two dimensions, the second that of lines.
    value = configuration.get("box_length", configuration.get("length"))
    return float(value) if isinstance(value, (int, float)) else None
