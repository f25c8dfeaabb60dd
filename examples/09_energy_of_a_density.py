# %% [markdown]
# # Energies of a density
#
# A density determines the kinetic energy, but the total energy only up to a constant: a limit on
# what can be learnt. This takes a minute.

# %%
import matplotlib.pyplot as plt
import numpy as np

import keras_qd

samples, epochs = 20_000, 12

# %% [markdown]
# The same network is trained on both targets. For the total energy, the error does not fall below
# the variance of the constant in each potential, which the density does not contain: it is uniform
# over 0.88 Ha*, so the variance is 0.88^2 / 12. This network takes the logarithm of the density,
# because the information about the potential is in its tails.

# %%
better = keras_qd.task(
    "density-to-kinetic-energy", epochs=epochs, dataset_config={"samples": samples}
)
runs = {}
for target, view in (("energy", "logarithm"), ("kinetic_energy", "square-root")):
    task = better.replace(targets=target, model_config={"view": view})
    runs[target] = keras_qd.train(task, f"runs/{target}", seed=1)
    score = keras_qd.evaluate(runs[target]).score("mse")
    print(f"{target}: MSE {score.value:.2e} {score.unit}, the variance is {score.baseline:.2e}")
print(f"variance of a constant that is uniform over 0.88 Ha*: {0.88**2 / 12:.2e}")

# %% [markdown]
# If the potential is known as well, only the kinetic energy is missing: E = T[n] + integral n V.

# %%
test = runs["kinetic_energy"].load_dataset().split("test")
kinetic = keras_qd.predict(runs["kinetic_energy"], test)["kinetic_energy"]
spacing = 10.0 / (test["density"].shape[1] + 1)
total = kinetic + np.sum(test["density"] * test["potential"], axis=1) * spacing
print(f"T[n] + integral n V: MSE {np.mean((total - test['energy']) ** 2):.2e} Ha*^2")

# %%
alone = keras_qd.predict(runs["energy"], test)["energy"]
figure, panels = plt.subplots(1, 2, figsize=(8, 3.8), layout="constrained")
for panel, energies, title in (
    (panels[0], alone, "from the density alone"),
    (panels[1], total, "T[n] from the network, plus integral n V"),
):
    panel.plot(test["energy"], test["energy"], color="0.7")
    panel.plot(test["energy"], energies, ".", markersize=2)
    panel.set(xlabel="exact energy (Ha*)", title=title)
panels[0].set_ylabel("energy (Ha*)")
figure.savefig("09_energy_of_a_density.png", dpi=150)
