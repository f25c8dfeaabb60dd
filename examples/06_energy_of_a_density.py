"""What a density knows of energies: all of the kinetic one, of the total one all but a constant.

python examples/06_energy_of_a_density.py [SAMPLES] [EPOCHS]
"""

import sys

import numpy as np

import keras_qd

samples, epochs = (int(word) for word in (sys.argv[1:] or ["20000", "12"]))
better = keras_qd.task(
    "density-to-kinetic-energy", epochs=epochs, dataset_config={"samples": samples}
)

# The same network on both targets: one stalls at the variance of the potential's random constant.
# It sees the logarithm there: what a density knows of the potential stands in its tails.
runs = {}
for target, view in (("energy", "logarithm"), ("kinetic_energy", "square-root")):
    task = better.replace(targets=target, model_config={"view": view})
    runs[target] = keras_qd.train(task, f"runs/{target}", seed=1)
    score = keras_qd.evaluate(runs[target]).score("mse")
    print(f"{target}: MSE {score.value:.2e} {score.unit}, the variance is {score.baseline:.2e}")
print(f"variance of a constant that is uniform in +-0.44: {0.44**2 / 3:.2e}")

# Told the potential as well, the kinetic energy is all that is missing: E = T[n] + integral n V.
test = runs["kinetic_energy"].load_dataset().split("test")
kinetic = keras_qd.predict(runs["kinetic_energy"], test)["kinetic_energy"]
spacing = 10.0 / (test["density"].shape[1] + 1)
total = kinetic + np.sum(test["density"] * test["potential"], axis=1) * spacing
print(f"T[n] + integral n V: MSE {np.mean((total - test['energy']) ** 2):.2e} Ha*^2")
