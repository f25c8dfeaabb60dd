# %% [markdown]
# # A course in one sitting
#
# The four parts of a machine-learning course for physicists with the networks and settings of the
# course, and all of its figures: digits, an autoencoder, the energy of a potential and the energy
# of a density. This takes five minutes.

# %%
import matplotlib.pyplot as plt
import numpy as np

import keras_qd

epochs = {"digits": 5, "images": 30, "energies": 50}
samples = 100_000


def losses(panel, run, title):
    """Draw the losses of a training, epoch by epoch."""
    history = run.history()
    for name, label in (("loss", "training"), ("val_loss", "validation")):
        panel.semilogy(range(1, len(history[name]) + 1), history[name], label=label)
    panel.set(xlabel="epoch", ylabel="loss", title=title)
    panel.legend(frameon=False)


def trained(name, **changes):
    """Train a task and print its score beside the trivial prediction."""
    task = keras_qd.task(name, **changes)
    run = keras_qd.train(task, f"runs/{name}")
    score = keras_qd.evaluate(run).scores[0]
    print(f"{name}: {score.metric} {score.value:.4g}, trivial prediction {score.baseline:.4g}")
    return run


# %% [markdown]
# ## 1. A network that reads digits
#
# Look at the images first: one of each digit.

# %%
test = keras_qd.load("mnist").split("test")
rows = [int(np.flatnonzero(test["digit"] == digit)[0]) for digit in range(10)]
figure, panels = plt.subplots(1, 10, figsize=(9, 1.2), layout="constrained")
for panel, image in zip(panels, test["image"][rows], strict=True):
    panel.imshow(image, cmap="gray_r")
    panel.axis("off")
figure.savefig("16_digits.png", dpi=150)

# %%
run = trained("mnist-classification", epochs=epochs["digits"])
found = keras_qd.predict(run, test["image"])["digit"]
counts = np.zeros((10, 10), int)
np.add.at(counts, (test["digit"], found), 1)
figure, panels = plt.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
losses(panels[0], run, "loss")
panels[1].imshow(counts, cmap="Blues")
panels[1].set(xlabel="predicted", ylabel="digit", title="confusion matrix")
panels[1].set(xticks=range(10), yticks=range(10))
figure.savefig("16_classification.png", dpi=150)

# %% [markdown]
# ## 2. An autoencoder
#
# The encoder reduces the 784 grey values to 32 numbers. Below each image are its latent numbers, as
# a picture, and the image that the decoder restores from them.

# %%
run = trained("mnist-autoencoder", epochs=epochs["images"])
encoder = keras_qd.load_model(run).network.encoder
latents = encoder.predict(test["image"][..., None] / 255.0, verbose=0)
restored = keras_qd.predict(run, test["image"][rows])["image"]
tiles = latents[rows].reshape(10, latents.shape[1], -1)
figure, panels = plt.subplots(3, 10, figsize=(9, 3.2), layout="constrained")
for column, pictures in enumerate(zip(test["image"][rows], tiles, restored, strict=True)):
    for panel, picture in zip(panels[:, column], pictures, strict=True):
        panel.imshow(picture, cmap="gray_r")
        panel.axis("off")
figure.savefig("16_autoencoder.png", dpi=150)

# %% [markdown]
# Plotted one after another, the latent numbers of an image form a line. The lines of ten images of
# each digit, shifted upwards digit by digit, show which numbers distinguish the digits.

# %%
lines = latents.reshape(len(latents), -1)
shift = 1.1 * np.ptp(lines)
figure, panels = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
losses(panels[0], run, "loss")
for digit in range(10):
    some = lines[test["digit"] == digit][:10]
    panels[1].plot(some.T + digit * shift, color=f"C{digit}", linewidth=0.8)
panels[1].set(xlabel="latent number", title="flattened latents, shifted by digit")
panels[1].set_yticks(np.arange(10) * shift, [str(digit) for digit in range(10)])
figure.savefig("16_latents.png", dpi=150)

# %% [markdown]
# ## 3. The energy of a potential, and 4. the energy of a density
#
# One electron on a line. The potential determines the energy, and the network learns it. The
# density determines the potential only up to a constant, and so leaves part of the energy open.

# %%
data = {"samples": samples}
runs = {
    name: trained(name, epochs=epochs["energies"], dataset_config=data)
    for name in ("potential-to-energy", "density-to-energy")
}
test = runs["density-to-energy"].load_dataset().split("test")
figure, panels = plt.subplots(1, 6, figsize=(12, 2.2), layout="constrained", sharey=True)
for number, panel in enumerate(panels):
    x = np.linspace(0, 10, len(test["potential"][number]) + 2)[1:-1]
    panel.plot(x, test["potential"][number], label="potential (Ha*)")
    panel.plot(x, test["density"][number], label="density (1/a0*)")
    panel.axhline(test["energy"][number], color="0.5", linestyle="--", label="energy (Ha*)")
    panel.set_xlabel("x (a0*)")
panels[0].legend(fontsize=6)
figure.savefig("16_wells.png", dpi=150)

# %%
figure, panels = plt.subplots(2, 2, figsize=(8, 6.4), layout="constrained")
for column, (name, run) in zip(panels.T, runs.items(), strict=True):
    losses(column[0], run, name)
    energies = keras_qd.predict(run, test)["energy"]
    column[1].plot(test["energy"], energies, ".", markersize=1)
    column[1].plot(test["energy"], test["energy"], color="0.5", linewidth=1)
    column[1].set(xlabel="exact energy (Ha*)", ylabel="predicted energy (Ha*)")
figure.savefig("16_energies.png", dpi=150)

# %% [markdown]
# How low can the second curve go? The constant is uniform over an interval of 0.88 Ha*, which is a
# choice of this data set: no function of the density has a smaller mean squared error than its
# variance.

# %%
print(f"variance of the constant: {0.88**2 / 12:.4f} Ha*^2")
print(f"last validation loss: {runs['density-to-energy'].history()['val_loss'][-1]:.4f} Ha*^2")
