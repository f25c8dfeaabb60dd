"""Energies: of one electron on a line, of two in the plane, and of a device from its voltages.

On a line, the two tasks of a machine-learning course for physicists, with its architecture and
settings; a third one on which a functional of the density works, as Hohenberg and Kohn promise; and
settings that are measured to be better. docs/teaching-tasks.md discusses each.
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

#: Numbers of two electrons in the plane. The charges say how each follows a constant in the
#: potential, so nothing is scaled: the network sees and returns Ha*.
POTENTIAL_TO_ENERGIES = Task(
    name="potential-to-energies",
    description="potential of two electrons to energy, chemical potential, exchange and gap",
    dataset="quantum-dots",
    inputs="potential",
    targets=("energy", "chemical_potential", "exchange", "gap"),
    model="residual-2d",
    model_config={"charges": (2, 1, 0, 0)},
    metrics=("mae", "rmse", "r2"),
    followed=("mae",),
    augmentation="square-symmetries",
    epochs=40,
    batch_size=32,
    schedule="cosine",
)

GATES_TO_ADDITION_ENERGIES = Task(
    name="gates-to-addition-energies",
    description="voltages of a gated double dot to its chemical potentials",
    dataset="gate-dots",
    inputs="voltages",
    targets="chemical_potentials",
    model="table-mlp",
    metrics=("mae", "rmse", "r2"),
    followed=("mae",),
    scaling={"voltages": "standard", "chemical_potentials": "standard"},
    epochs=800,
    batch_size=32,
    schedule="cosine",
)
