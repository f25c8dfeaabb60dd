"""Colour maps of fields: perceptually uniform, and centred at zero where the sign counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

#: A quantity whose negative part is smaller than this share of its positive part is drawn as
#: positive.
_NEGLIGIBLE = 0.05


def field_colours(*values: ArrayLike) -> dict[str, Any]:
    """Return the colour map and limits that some arrays share.

    Parameters
    ----------
    *values : array_like
        Arrays drawn with one scale. The first decides which kind of scale it is: exact values,
        where the others are predictions.

    Returns
    -------
    dict
        ``cmap``, ``vmin`` and ``vmax`` for ``imshow``: a sequential map for a quantity of one sign,
        such as a density, a diverging map centred at zero for one of both signs, such as a
        potential.

    Examples
    --------
    >>> field_colours([0.0, 0.5], [0.0, 0.75])
    {'cmap': 'viridis', 'vmin': 0.0, 'vmax': 0.75}
    >>> field_colours([-1.0, 2.0])
    {'cmap': 'RdBu_r', 'vmin': -2.0, 'vmax': 2.0}
    """
    low, high = float(np.min(values[0])), float(np.max(values[0]))
    if low < 0 and min(-low, abs(high)) > _NEGLIGIBLE * max(-low, abs(high)) and high > 0:
        return _centred("RdBu_r", *values)
    lowest = min(float(np.min(array)) for array in values)
    highest = max(float(np.max(array)) for array in values)
    return {"cmap": "viridis", "vmin": lowest, "vmax": highest}


def difference_colours(difference: ArrayLike) -> dict[str, Any]:
    """Return a diverging colour map with limits centred at zero, for ``imshow``.

    Examples
    --------
    >>> difference_colours([-0.1, 0.02])
    {'cmap': 'PuOr_r', 'vmin': -0.1, 'vmax': 0.1}
    """
    return _centred("PuOr_r", difference)


def _centred(cmap: str, *values: ArrayLike) -> dict[str, Any]:
    reach = max(float(np.max(np.abs(array))) for array in values)
    # A field that is zero everywhere still needs a scale.
    reach = reach or 1.0
    return {"cmap": cmap, "vmin": -reach, "vmax": reach}
