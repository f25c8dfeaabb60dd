# %% [markdown]
# # Train a map
#
# From the confinement potential to the density of two interacting electrons: data is made, pix2pix
# is trained on it, judged on dots that it has not seen, and applied to new potentials. Some three
# minutes with 2,500 dots and 24 epochs.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import keras_qd
from keras_qd import physics

REDUCED = "KERAS_QD_REDUCED" in os.environ  # seconds, for tests: such a map is good for nothing
samples, epochs, filters = (40, 1, 4) if REDUCED else (2500, 24, 16)

# %% [markdown]
# A task names everything: the data set, what goes in and what comes out, the network, the metrics
# and the settings of the training. Any of it can be changed on the way. The data is made at the
# first call, and found in the user's cache at the next.

# %%
task = keras_qd.task(
    "potential-to-density",
    epochs=epochs,
    dataset_config={"samples": samples},
    model_config={"filters": filters},
)
run = keras_qd.train(task, "runs/potential-to-density", seed=1)

# %% [markdown]
# Every number stands beside the same number for the mean density, which a network reaches that has
# learnt nothing. The interval is over the choice of the test dots.

# %%
evaluation = keras_qd.evaluate(run)
for metric in ("l1", "linf", "r2", "ssim"):
    score = evaluation.score(metric)
    low, high = score.interval
    print(
        f"{score.title:5s} {score.value:8.4f} ({low:.4f} to {high:.4f}) {score.unit}, "
        f"mean density: {score.baseline:.4f}"
    )

# %% [markdown]
# New potentials of the same family. Nothing in the network makes its densities hold two electrons:
# their number is something to look at.

# %%
box = physics.Box(10.0)
potentials = physics.sample_potentials(3, box, seed=123)
predicted = keras_qd.predict(run, {"potential": potentials})["density"]
exact = np.stack([physics.solve(potential, box).density for potential in potentials])
electrons = predicted.sum(axis=(1, 2)) * box.pixel_area(64)
print("electrons in the predicted densities:", electrons.round(3))

# %%
figure, rows = plt.subplots(3, 4, figsize=(8.6, 6.2), layout="constrained")
for row, potential, truth, guess in zip(rows, potentials, exact, predicted, strict=True):
    top, off = truth.max(), np.abs(guess - truth).max()
    densities, differences = {"cmap": "magma", "vmin": 0, "vmax": top}, {"cmap": "RdBu_r"}
    images = (
        ("potential (Ha*)", potential, {"cmap": "viridis"}),
        ("exact density (1/a0*²)", truth, densities),
        ("predicted", guess, densities),
        ("predicted - exact", guess - truth, {**differences, "vmin": -off, "vmax": off}),
    )
    for panel, (title, values, colours) in zip(row, images, strict=True):
        figure.colorbar(panel.imshow(values, origin="lower", **colours), ax=panel, shrink=0.8)
        panel.set(xticks=[], yticks=[])
        panel.set_title(title, fontsize=9)
figure.savefig("03_train_a_map.png", dpi=150)
