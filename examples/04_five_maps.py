# %% [markdown]
# # The five maps
#
# The potential and the densities with and without interaction of the same dots are related by five
# maps. Here one network learns each of them, with the same settings. Some maps are easy to learn;
# for others, the input hardly contains the information. This takes about a quarter of an hour.

# %%
import matplotlib.pyplot as plt
import numpy as np

import keras_qd

samples, pixels, epochs, model = 2500, 32, 24, {"filters": 16}

# %%
maps = (
    "potential-to-density",
    "potential-to-noninteracting-density",
    "noninteracting-to-interacting-density",
    "density-to-potential",
    "noninteracting-density-to-potential",
)
runs, evaluations = {}, {}
for name in maps:
    task = keras_qd.task(
        name,
        epochs=epochs,
        dataset_config={"samples": samples, "n_pixels": pixels},
        model="pix2pix",
        model_config=model,
    )
    if name.endswith("to-potential"):
        task = task.replace(metrics=(*task.metrics, "density-weighted-r2"))
    runs[name] = keras_qd.train(task, f"runs/{name}", seed=1)
    evaluations[name] = keras_qd.evaluate(runs[name])

# %% [markdown]
# R2 is 1 for a perfect prediction and 0 for the mean image, so it compares maps with each other; L1
# has the unit of the target.
#
# The density of a ground state determines its potential up to a constant (Hohenberg and Kohn,
# https://doi.org/10.1103/PhysRev.136.B864). Where the density almost vanishes, however, it contains
# almost no information about the potential. Potentials therefore have a second R2, which ignores
# the constant and weights each point by the density.

# %%
print(f"{'map':40s} {'R2':>7s} {'mean image':>11s} {'L1':>9s}")
for name, evaluation in evaluations.items():
    r2, l1 = evaluation.score("r2"), evaluation.score("l1")
    print(f"{name:40s} {r2.value:7.3f} {r2.baseline:11.3f} {l1.value:9.4f} {l1.unit}")
    if name.endswith("to-potential"):
        there = evaluation.score("density-weighted-r2")
        print(f"{'  where the electrons are':40s} {there.value:7.3f}")

# %% [markdown]
# The first test dot in all five maps.

# %%
test = runs[maps[0]].load_dataset().split("test")
n_maps = len(maps)
figure, rows = plt.subplots(n_maps, 4, figsize=(8.4, 2 * n_maps), layout="constrained")
for row, name in zip(rows, maps, strict=True):
    task = runs[name].task
    source, target = task.inputs[0], task.targets[0]
    given, truth = np.asarray(test[source][0]), np.asarray(test[target][0])
    guess = keras_qd.predict(runs[name], {source: given[None]})[target][0]
    if target == "potential":  # up to a constant
        guess = guess - guess.mean() + truth.mean()
    colours = {"vmin": truth.min(), "vmax": truth.max()}
    off = np.abs(guess - truth).max()
    for panel, title, values, scale in (
        (row[0], source, given, {}),
        (row[1], f"{target}, exact", truth, colours),
        (row[2], "predicted", guess, colours),
        (row[3], "predicted - exact", guess - truth, {"cmap": "RdBu_r", "vmin": -off, "vmax": off}),
    ):
        figure.colorbar(panel.imshow(values, origin="lower", **scale), ax=panel, shrink=0.8)
        panel.set(xticks=[], yticks=[])
        panel.set_title(title.replace("_", " "), fontsize=8)
figure.savefig("04_five_maps.png", dpi=150)
