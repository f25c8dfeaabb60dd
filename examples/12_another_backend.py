# %% [markdown]
# # Another backend
#
# Train a model on one backend, and load it on each of the other installed backends: the predictions
# agree to rounding errors. This takes a minute.

# %%
import subprocess
import sys

import keras
import matplotlib.pyplot as plt
import numpy as np

import keras_qd
from keras_qd.backend import installed_backends

samples, epochs = 20_000, 10

# %%
here = keras.config.backend()
task = keras_qd.task("potential-to-energy", epochs=epochs, dataset_config={"samples": samples})
run = keras_qd.train(task, "runs/trained-here", seed=1)
potentials = run.load_dataset().split("test")["potential"][:100]
energies = {here: keras_qd.predict(run, {"potential": potentials})["energy"]}
np.savez("potentials.npz", potential=potentials)

# %% [markdown]
# The backend of a process is chosen before Keras is imported and cannot be changed afterwards, so
# each backend needs its own process. Choose it with the option `--backend`, the environment
# variable `KERAS_BACKEND`, or `keras_qd.backend.use_backend` in the first line of Python code.

# %%
for backend in installed_backends():
    out = f"energies-{backend}.npz"
    command = [sys.executable, "-m", "keras_qd", "predict", str(run.path), "potentials.npz"]
    subprocess.run([*command, "--out", out, "--force", "--backend", backend], check=True)
    with np.load(out) as found:
        energies[f"{backend}, a new process"] = found["energy"]

# %% [markdown]
# The networks compute in float32, so the relative differences are about 1e-7.

# %%
print(f"trained on {here}")
for name, values in energies.items():
    difference = np.abs(values - energies[here]).max()
    print(f"{name:24s} E[0] = {values[0]:.7f} Ha*, largest difference {difference:.1e} Ha*")

# %%
figure, panel = plt.subplots(figsize=(6, 3), layout="constrained")
for name, values in list(energies.items())[1:]:
    panel.plot(energies[here], values - energies[here], ".", label=name)
panel.set(xlabel=f"energy on {here} (Ha*)", ylabel="difference (Ha*)")
panel.legend(frameon=False)
figure.savefig("12_another_backend.png", dpi=150)

# %% [markdown]
# A model can also be trained further on another backend. An interrupted run, however, is resumed
# only on its own backend, so that the result is the same as without the interruption.
