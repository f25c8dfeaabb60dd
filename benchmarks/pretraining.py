"""Make the pretrained network of the package: data, training, error, weights and card.

    python benchmarks/pretraining.py WORK

WORK keeps the data set and the run; the same command resumes what was interrupted. The files go
into src/keras_qd/weights. One core takes an hour and a half.
"""

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import click
import numpy as np

import keras_qd
from keras_qd.data.quantum_dots import QuantumDots
from keras_qd.data.store.generate import generate
from keras_qd.training.fit import resume, train
from keras_qd.weights import familiar_ranges, write_pretrained

NAME, TASK, SEED = "potential-to-density", "potential-and-electrons-to-density", 1
SAMPLES, EPOCHS, FRACTIONS = 6000, 19, (0.9, 0.04, 0.06)
WEIGHTS = Path(__file__).parents[1] / "src" / "keras_qd" / "weights"


@click.command()
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--samples", default=SAMPLES, show_default=True)
@click.option("--epochs", default=EPOCHS, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=WEIGHTS)
def main(work, samples, epochs, out):
    data, path = work / "dots.zarr", work / "run"
    task = keras_qd.task(TASK, epochs=epochs)
    recipe = QuantumDots(seed=SEED, **task.dataset_config)
    store = generate(data, recipe, samples, workers=1)
    task = task.replace(
        dataset="stored",
        dataset_config={"path": str(data), "samples": samples, "fractions": list(FRACTIONS)},
    )
    run = resume(path) if path.exists() else train(task, path, seed=SEED)
    publish(run, recipe, store, out)


def publish(run, recipe, store, out):
    """Write weights and card, and print the error of what was written."""
    dataset, samples = run.load_dataset(), run.task.dataset_config["samples"]
    potentials = np.asarray(dataset.split("train")["potential"])
    card = {
        "description": "potential, number of electrons (1 to 4) and strength to density and energy",
        "version": 1,
        "task": TASK,
        "fields": run.config["fields"],
        "defaults": {"n_electrons": 2, "strength": 1.0},
        "box_length": recipe.box_length,
        "limits": {
            "n_electrons": [1, 4],
            "strength": [0.0, 2.0],
            "potential": familiar_ranges(potentials),
        },
        "data": {
            "configuration": recipe.configuration(),
            "digest": store.digest(samples),
            "samples": run.config["samples"],
            "label_error": store.label_error,
        },
        "training": {
            "command": f"python benchmarks/pretraining.py WORK --samples {samples} "
            f"--epochs {len(run.history()['epoch'])}",
            "seed": SEED,
            "backend": run.config["backend"],
            "seconds": round(sum(run.history()["seconds"])),
            "keras_qd": keras_qd.__version__,
        },
    }
    model = run.load_model()
    made = write_pretrained(model, card, NAME, out)
    test = {name: np.asarray(values) for name, values in dataset.split("test").items()}
    error = errors(made(), test, recipe)
    write_pretrained(model, {**card, "error": error}, NAME, out)
    for group, found in error.items():
        print(f"{group:32s}", found)


def errors(model, test, recipe):
    """Errors of a pretrained network on samples: all, and by number of electrons and family."""
    inputs = {name: test[name] for name in ("potential", "n_electrons", "strength")}
    found = model.ground_states(*inputs.values())
    reference, electrons = test["density"], test["n_electrons"]
    area = (recipe.box_length / reference.shape[-1]) ** 2
    nmae = np.abs(found["density"] - reference).sum(axis=(1, 2)) * area / electrons
    energy = 1e3 * np.abs(found["energy"] - test["energy"])
    # Two electrons without interaction share the lowest orbital, which is that of one electron.
    pair_mu = test["energy"] - test["energy_noninteracting"] / 2
    mu = 1e3 * np.abs(found["chemical_potential"] - pair_mu)
    families = recipe._family.families
    component = test["parameters"][:, 0].astype(int)
    groups = {"all": np.ones(len(nmae), bool)}
    groups |= {f"N = {n}": electrons == n for n in np.unique(electrons)}
    groups |= {family.name: component == i for i, family in enumerate(families)}
    report = {}
    for name, rows in groups.items():
        report[name] = {
            "systems": int(rows.sum()),
            "density_nmae_mean": round(float(nmae[rows].mean()), 5),
            "density_nmae_median": round(float(np.median(nmae[rows])), 5),
            "energy_mae_mha": round(float(energy[rows].mean()), 2),
            "energy_median_mha": round(float(np.median(energy[rows])), 2),
        }
        if name == "N = 2":
            report[name]["chemical_potential_mae_mha"] = round(float(mu[rows].mean()), 2)
    return report


if __name__ == "__main__":
    main()
