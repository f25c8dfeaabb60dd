"""Learn the energy of an electron on a line from its potential, without physics and with some.

python examples/05_energy_of_a_potential.py [SAMPLES] [EPOCHS] [EPOCHS OF TRIAL STATES]
"""

import sys

import keras
import numpy as np

import keras_qd

samples, *epochs = (int(word) for word in (sys.argv[1:] or ["20000", "10", "20"]))

# The network of the course, and one that proposes two states and takes the lowest energy in their
# span. Neither is told the electron's mass or the length of the line.
runs = {}
for name, count in zip(
    ("potential-to-energy", "potential-to-energy-by-trial-states"), epochs, strict=True
):
    task = keras_qd.task(name, epochs=count, dataset_config={"samples": samples})
    runs[name] = keras_qd.train(task, f"runs/{name}", seed=1)
    score = keras_qd.evaluate(runs[name]).score("mse")
    print(f"{name}: MSE {score.value:.2e} {score.unit}, the variance is {score.baseline:.2e}")

# A constant added to the potential is added to the energy: learnt more or less, or built in.
potentials = runs[name].load_dataset().split("test")["potential"][:200]
for name, run in runs.items():
    moved = keras_qd.predict(run, potentials + 1.0)["energy"]
    error = np.abs(moved - keras_qd.predict(run, potentials)["energy"] - 1.0).max()
    print(f"{name}: E[V + 1] is off by at most {error:.1e}")

# What the second one has found out: the kinetic energy of sin(k pi x / L) is k^2 times a constant.
layer = runs[name].load_model().get_layer("energy")
kinetic = keras.ops.convert_to_numpy(layer.roughness) ** 2
exact = np.pi**2 / (2 * 10.0**2)
print("kinetic energy over k^2, learnt / exact:", np.round(kinetic[:8] / exact, 3))
print(f"figures of 25 systems: {run.path}/figures, after keras-qd report {run.path}")
