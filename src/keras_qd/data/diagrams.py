"""Stability diagrams as stores: a sample is a row of the diagram."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_qd.data.fields import Field
from keras_qd.data.store.store import Store
from keras_qd.data.store.writer import write_store

if TYPE_CHECKING:
    from keras_qd.devices.stability import StabilityDiagram


def write_diagram(diagram: StabilityDiagram, path: str | PathLike[str]) -> Store:
    """Write a stability diagram as a data set, one row of constant second voltage per sample."""
    n = diagram.x.size
    # Energies that are out of the question are stored as 0 and marked by the number of levels.
    known = np.isfinite(diagram.energies).sum(axis=0)
    fields: dict[str, tuple[Field, Any]] = {
        "voltage_y": (Field((), "mV", f"voltage of {diagram.gate_y}"), diagram.y),
        "voltage_x": (
            Field((n,), "mV", f"voltage of {diagram.gate_x}"),
            np.tile(diagram.x, (n, 1)),
        ),
        "n_electrons": (
            Field((n,), "1", "electrons in the ground state, -1 where refused", "int32"),
            diagram.n_electrons,
        ),
        "energies": (
            Field((n, len(diagram.energies)), "meV", "E_N from N = 0 to n_known - 1, then 0"),
            np.nan_to_num(np.moveaxis(diagram.energies, 0, -1)),
        ),
        "n_known": (Field((n,), "1", "numbers of electrons with a known energy", "int32"), known),
        "charges": (
            Field((n, len(diagram.regions)), "1", f"electrons in {', '.join(diagram.regions)}"),
            np.nan_to_num(np.moveaxis(diagram.charges, 0, -1)),
        ),
    }
    return write_store(
        path,
        {name: field for name, (field, _) in fields.items()},
        lambda rows: {name: values[rows.start : rows.stop] for name, (_, values) in fields.items()},
        {"kind": "stability-diagram", "gates": [diagram.gate_x, diagram.gate_y]},
        n_samples=n,
    )
