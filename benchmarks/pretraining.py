"""Make the pretrained networks of the package: data, training, error, weights and card.

    python benchmarks/pretraining.py potential-to-density WORK
    python benchmarks/pretraining.py density-to-potential WORK --epochs 20

WORK keeps the data set, which both share, and the runs; the same command resumes what was
interrupted. The files go into src/keras_qd/weights. docs/how-to/pretrained.md has the settings of
those that are shipped, and their times.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import click
import numpy as np

import keras_qd
from keras_qd.data.quantum_dots import QuantumDots
from keras_qd.data.store.generate import generate
from keras_qd.prediction._predict import calibrated, symmetrized
from keras_qd.training.fit import resume, train
from keras_qd.weights import (
    GroundStateModel,
    PotentialModel,
    boltzmann_potential,
    familiar_ranges,
    write_pretrained,
)

SEED, SAMPLES, FRACTIONS = 1, 12000, (0.9, 0.04, 0.06)
WEIGHTS = Path(__file__).parents[1] / "src" / "keras_qd" / "weights"


@dataclass(frozen=True)
class Network:
    """What is made: the task, the model that it becomes, and what its card says beside."""

    task: str
    model_class: type
    description: str
    defaults: dict
    limits: dict
    errors: Callable


@click.command()
@click.argument("name", type=click.Choice(["potential-to-density", "density-to-potential"]))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--samples", default=SAMPLES, show_default=True)
@click.option("--epochs", default=48, show_default=True)
@click.option("--dtype", default="mixed_bfloat16", show_default=True, help="Of the training.")
@click.option("--out", type=click.Path(path_type=Path), default=WEIGHTS)
def main(name, work, samples, epochs, dtype, out):
    network = NETWORKS[name]
    data, path = work / "dots.zarr", work / name
    task = keras_qd.task(network.task, epochs=epochs)
    task = task.replace(model_config={**task.model_config, "dtype": dtype})
    recipe = QuantumDots(seed=SEED, **task.dataset_config)
    store = generate(data, recipe, samples, workers=1)
    task = task.replace(
        dataset="stored",
        dataset_config={"path": str(data), "samples": samples, "fractions": list(FRACTIONS)},
    )
    run = resume(path) if path.exists() else train(task, path, seed=SEED)
    publish(name, run, recipe, store, out)


def publish(name, run, recipe, store, out):
    """Write weights and card, and print the error of what was written."""
    network, dataset = NETWORKS[name], run.load_dataset()
    samples = run.task.dataset_config["samples"]
    maps = np.asarray(dataset.split("train")[field := next(iter(run.pipeline.inputs))])
    maps = boltzmann_potential(maps) if field == "density" else maps
    card = {
        "description": network.description,
        "version": 1,
        "task": network.task,
        "fields": run.config["fields"],
        "defaults": network.defaults,
        "box_length": recipe.box_length,
        "limits": {**network.limits, field: familiar_ranges(maps)},
        "data": {
            "configuration": recipe.configuration(),
            "digest": store.digest(samples),
            "samples": run.config["samples"],
            "label_error": store.label_error,
        },
        "training": {
            "command": f"python benchmarks/pretraining.py {name} WORK --samples {samples} "
            f"--epochs {len(run.history()['epoch'])} --dtype {run.task.model_config['dtype']}",
            "seed": SEED,
            "backend": run.config["backend"],
            "seconds": round(sum(run.history()["seconds"])),
            "keras_qd": keras_qd.__version__,
        },
    }
    model = run.load_model()
    made = write_pretrained(model, card, name, out, network.model_class)
    symmetries = symmetrized(made(), made.task).symmetries
    card["error_bars"] = calibrated(made(), symmetries, dataset.split("validation"))
    test = {field: np.asarray(values) for field, values in dataset.split("test").items()}
    error = {
        group: network.errors(made(), {field: values[rows] for field, values in test.items()})
        for group, rows in groups(test, recipe).items()
    }
    write_pretrained(model, {**card, "error": error}, name, out, network.model_class)
    for group, found in error.items():
        print(f"{group:32s}", found)


def groups(test, recipe):
    """Return which samples are in which group: all, by number of electrons, and by family."""
    electrons, component = test["n_electrons"], test["parameters"][:, 0].astype(int)
    found = {"all": np.ones(len(electrons), bool)}
    found |= {f"N = {n}": electrons == n for n in np.unique(electrons)}
    return found | {family.name: component == i for i, family in enumerate(recipe._family.families)}


def errors_of_ground_states(model, test):
    """Return the errors of densities, and of energies and exchange in mHa*."""
    inputs = {name: test[name] for name in ("potential", "n_electrons", "strength")}
    found = model.ground_states(*inputs.values())
    reference, electrons = test["density"], test["n_electrons"]
    area = (model.card["box_length"] / reference.shape[-1]) ** 2
    nmae = np.abs(found["density"] - reference).sum(axis=(1, 2)) * area / electrons
    energy = 1e3 * np.abs(found["energy"] - test["energy"])
    report = {
        "systems": len(nmae),
        "density_nmae_mean": round(float(nmae.mean()), 5),
        "density_nmae_median": round(float(np.median(nmae)), 5),
        "energy_mae_mha": round(float(energy.mean()), 2),
        "energy_median_mha": round(float(np.median(energy)), 2),
    }
    if (several := electrons > 1).any():
        exchange = 1e3 * np.abs(found["exchange"] - test["exchange"])[several]
        report["exchange_mae_mha"] = round(float(exchange.mean()), 2)
        report["exchange_median_mha"] = round(float(np.median(exchange)), 2)
    if np.all(electrons == 2):
        # Two electrons without interaction share the lowest orbital, that of one electron.
        pair_mu = test["energy"] - test["energy_noninteracting"] / 2
        mu = 1e3 * np.abs(found["chemical_potential"] - pair_mu)
        report["chemical_potential_mae_mha"] = round(float(mu.mean()), 2)
    return report


def errors_of_potentials(model, test):
    """Return the errors of potentials where the electrons are, and up to a constant, in mHa*."""
    found = model.potentials(test["density"], test["strength"])["potential"]
    weight, exact = test["density"], test["potential"]
    weight = weight / weight.sum(axis=(1, 2), keepdims=True)
    centred = [v - (weight * v).sum(axis=(1, 2), keepdims=True) for v in (found, exact)]
    error = (weight * np.abs(centred[0] - centred[1])).sum(axis=(1, 2))
    left = (weight * (centred[0] - centred[1]) ** 2).sum()
    return {
        "systems": len(error),
        "potential_mae_mha": round(1e3 * float(error.mean()), 2),
        "potential_median_mha": round(1e3 * float(np.median(error)), 2),
        "potential_r2": round(1 - float(left / (weight * centred[1] ** 2).sum()), 5),
    }


NETWORKS = {
    "potential-to-density": Network(
        "potential-and-electrons-to-density",
        GroundStateModel,
        "potential, number of electrons (1 to 4) and strength to density, energy and exchange",
        {"n_electrons": 2, "strength": 1.0},
        {"n_electrons": [1, 4], "strength": [0.0, 2.0]},
        errors_of_ground_states,
    ),
    "density-to-potential": Network(
        "density-and-strength-to-potential",
        PotentialModel,
        "density (of 1 to 4 electrons) and strength of the interaction to the potential",
        {"strength": 1.0},
        {"strength": [0.0, 2.0]},
        errors_of_potentials,
    ),
}


if __name__ == "__main__":
    main()
