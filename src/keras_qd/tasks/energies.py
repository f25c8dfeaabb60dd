"""Energies of one electron on a line, from its potential or from its density.

The two tasks of a machine-learning course for physicists, with its architecture and settings; a
third one on which a functional of the density works, as Hohenberg and Kohn promise; and settings
that are measured to be better. docs/teaching-tasks.md discusses each.
"""

from __future__ import annotations

from typing import Any

from keras_qd.tasks.task import Task

_COMMON: dict[str, Any] = {
    "dataset": "wells-1d",
    "metrics": ("mae", "mse", "r2"),
    "followed": ("mae",),
}

_REFERENCE: dict[str, Any] = {
    "model": "energy-cnn",
    "loss": "mean_squared_error",
    "epochs": 50,
    "batch_size": 250,
}

POTENTIAL_TO_ENERGY = Task(
    name="potential-to-energy",
    description="potential of one electron on a line to the energy of its ground state",
    inputs="potential",
    targets="energy",
    model_config={"learning_rate": 1e-3},
    **_COMMON,
    **_REFERENCE,
)

DENSITY_TO_ENERGY = Task(
    name="density-to-energy",
    description="density of one electron on a line to its energy, which the density does not know",
    inputs="density",
    targets="energy",
    model_config={"learning_rate": 1e-4},
    **_COMMON,
    **_REFERENCE,
)

#: Settings of trainings whose learning rate falls to zero.
_BETTER: dict[str, Any] = {
    "loss": "mean_squared_error",
    "schedule": "cosine",
    "augmentation": "reflection",
}

POTENTIAL_TO_ENERGY_BY_TRIAL_STATES = Task(
    name="potential-to-energy-by-trial-states",
    description="potential of one electron on a line to the energy of a state that a network tries",
    inputs="potential",
    targets="energy",
    model="residual-1d",
    model_config={"view": "without-mean", "readout": "trial-states"},
    epochs=150,
    batch_size=500,
    **_COMMON,
    **_BETTER,
)

DENSITY_TO_KINETIC_ENERGY = Task(
    name="density-to-kinetic-energy",
    description="density of one electron on a line to its kinetic energy",
    inputs="density",
    targets="kinetic_energy",
    model="residual-1d",
    model_config={
        "view": "square-root",
        "readout": "mean",
        "pieces": 16,
        "width": 48,
        "kernel_size": 3,
        "learning_rate": 3e-3,
    },
    epochs=40,
    batch_size=250,
    **_COMMON,
    **_BETTER,
)
