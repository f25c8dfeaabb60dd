# %% [markdown]
# # The energy of a potential
#
# A network learns the ground-state energy of one electron on a line from its potential, without and
# with some physics built in. This takes a minute.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_qd

samples, *epochs = 20_000, 10, 20

# %% [markdown]
# One network is that of the course; the other proposes two states and returns the lowest energy in
# their span. Neither knows the mass of the electron or the length of the line.

# %%
runs = {}
for name, count in zip(
    ("potential-to-energy", "potential-to-energy-by-trial-states"), epochs, strict=True
):
    task = keras_qd.task(name, epochs=count, dataset_config={"samples": samples})
    runs[name] = keras_qd.train(task, f"runs/{name}", seed=1)
    score = keras_qd.evaluate(runs[name]).score("mse")
    print(f"{name}: MSE {score.value:.2e} {score.unit}, the variance is {score.baseline:.2e}")

# %% [markdown]
# A constant added to the potential is added to the energy. The first network learns this
# approximately; in the second it is built in.

# %%
test = runs[name].load_dataset().split("test")
potentials, exact = test["potential"][:200], test["energy"][:200]
predicted = {name: keras_qd.predict(run, potentials)["energy"] for name, run in runs.items()}
for name, run in runs.items():
    moved = keras_qd.predict(run, potentials + 1.0)["energy"]
    error = np.abs(moved - predicted[name] - 1.0).max()
    print(f"{name}: E[V + 1] is off by at most {error:.1e}")

# %% [markdown]
# The kinetic energy of sin(k pi x / L) is k^2 times a constant, which the second network learns as
# well. The ratio of learnt and exact values would ideally be 1 for all k; on narrow wells it comes
# close for k = 1 only, although the energies are accurate.

# %%
layer = keras_qd.load_model(runs[name]).network.get_layer("energy")
kinetic = keras.ops.convert_to_numpy(layer.roughness) ** 2
box_level = np.pi**2 / (2 * 10.0**2)
print("kinetic energy over k^2, learnt / exact:", np.round(kinetic[:8] / box_level, 3))

# %%
figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.4), layout="constrained", sharey=True)
for panel, (name, energies) in zip(panels, predicted.items(), strict=True):
    panel.semilogy(exact, np.abs(energies - exact) + 1e-9, ".", markersize=4)
    panel.set(xlabel="exact energy (Ha*)", title=name)
    panel.grid(alpha=0.3)
panels[0].set_ylabel("error of the energy (Ha*)")
figure.savefig("08_energy_of_a_potential.png", dpi=150)
