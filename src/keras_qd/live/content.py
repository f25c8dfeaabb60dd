"""Everything that the page is made of, in memory: files of the package, settings, gates."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

from keras_qd import __version__
from keras_qd.devices import GaussianGate, RectangularGate
from keras_qd.live import messages
from keras_qd.physics.box import Box
from keras_qd.physics.interactions import LENGTHS, Interaction
from keras_qd.physics.potentials.base import potential_families
from keras_qd.physics.units import material, material_names

#: Suffix -> type of a file.
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".bin": "application/octet-stream",
    ".onnx": "application/octet-stream",
    ".wasm": "application/wasm",
}

#: Colour maps of the report (`keras_qd.report.figures.style`): fields, signed fields, differences.
COLOUR_MAPS = {"field": "viridis", "signed": "RdBu_r", "difference": "PuOr_r"}

#: Default lengths in a0* of the interactions, and what they are called.
_INTERACTIONS = {
    "coulomb": "Coulomb, 1/r",
    "finite-thickness": "finite thickness",
    "screened": "screened (Yukawa)",
    "image-charge": "metal gate (image charge)",
    "none": "none",
}

#: Gates in units of the side of the box: two plungers, a barrier, and what surrounds them.
GATES = (
    RectangularGate("left plunger", 0.3, 0.5, 0.2, 0.3, 0.08),
    RectangularGate("right plunger", 0.7, 0.5, 0.2, 0.3, 0.08),
    RectangularGate("barrier", 0.5, 0.5, 0.12, 0.4, 0.08),
    RectangularGate("upper screen", 0.5, 0.88, 0.9, 0.2, 0.08),
    RectangularGate("lower screen", 0.5, 0.12, 0.9, 0.2, 0.08),
    GaussianGate("round gate", 0.5, 0.5, 0.18),
)


@cache
def page_files() -> dict[str, bytes]:
    """Return the files of the page by name."""
    folder = resources.files("keras_qd.live") / "page"
    found = {each.name: each.read_bytes() for each in folder.iterdir()}
    return {name: found[name] for name in sorted(found) if name[name.rfind(".") :] in TYPES}


def settings(n_pixels: int, mode: str, **others: Any) -> dict[str, Any]:
    """Return what the page knows from the start: grid, limits, colours, materials, gates."""
    return {
        "version": __version__,
        "mode": mode,
        "n_pixels": n_pixels,
        "limits": {
            "length": messages.LENGTHS,
            "electrons": messages.MOST_ELECTRONS,
            "strength": messages.MOST_STRENGTH,
            "value": messages.MOST_VALUE,
            "pixels": messages.MOST_PIXELS,
        },
        "colours": {name: _colours(colour_map) for name, colour_map in COLOUR_MAPS.items()},
        "materials": [_material(name) for name in material_names()],
        "interactions": [_interaction(name) for name in _INTERACTIONS],
        "families": list(potential_families()),
        "gates": [gate.name for gate in GATES],
        **others,
    }


def gate_shares(n_pixels: int) -> NDArray[np.float32]:
    """Return the share of each gate in the potential, shape (gates, n_pixels, n_pixels)."""
    x, y = Box(1.0).mesh(n_pixels)
    return np.stack([gate.share(x, y) for gate in GATES]).astype("<f4")


def written(value: Any) -> bytes:
    """Return JSON."""
    return json.dumps(value, allow_nan=False).encode()


def _colours(name: str) -> list[int]:
    """Return 256 colours as red, green, blue, one after the other."""
    colours = colormaps[name](np.linspace(0, 1, 256), bytes=True)[:, :3]
    return [int(value) for value in colours.ravel()]


def _material(name: str) -> dict[str, Any]:
    found = material(name)
    return {"name": name, "nanometres": found.bohr_radius, "millielectronvolts": found.hartree}


def _interaction(name: str) -> dict[str, Any]:
    found = Interaction(name)
    given = [each for each in LENGTHS if getattr(found, each) is not None]
    return {
        "name": name,
        "title": _INTERACTIONS[name],
        "parameter": given[0] if given else None,
        "length": found.length,
    }
