# %% [markdown]
# # Numbers beside maps
#
# One network for several numbers of electrons and strengths of the interaction: its inputs are the
# potential, the number of electrons and the strength, its outputs the density and the energy. This
# takes about five minutes.

# %%
import matplotlib.pyplot as plt
import numpy as np

import keras_qd
from keras_qd import physics
from keras_qd.data import ArrayDataset, Field
from keras_qd.tasks import Task

samples, pixels, epochs, filters, orbitals = 2000, 32, 30, 16, 10
counts = (samples, samples // 8, samples // 8)

# %% [markdown]
# ## The data set
#
# Random potentials, each with one, two or three electrons and with zero to three times the Coulomb
# repulsion, solved exactly within the lowest orbitals. A field of shape `()` is a number.

# %%
box = physics.Box(10.0)
described = {
    "potential": Field((pixels, pixels), "Ha*", "confinement potential"),
    "electrons": Field((), "", "number of electrons"),
    "strength": Field((), "", "factor on the interaction"),
    "density": Field((pixels, pixels), "1/a0*^2", "density of the ground state"),
    "energy": Field((), "Ha*", "energy of the ground state"),
}


def solved(count: int, seed: int) -> dict[str, np.ndarray]:
    """Return the fields of that many systems."""
    generator = np.random.default_rng(seed)
    potentials = physics.sample_potentials(count, box, pixels, seed=seed)
    electrons, strengths = generator.integers(1, 4, count), generator.uniform(0, 3, count)
    states = [
        physics.solve(potential, box, int(number), n_orbitals=orbitals, strength=strength)
        for potential, number, strength in zip(potentials, electrons, strengths, strict=True)
    ]
    return {
        "potential": potentials,
        "electrons": electrons.astype(float),
        "strength": strengths,
        "density": np.array([state.density for state in states]),
        "energy": np.array([state.energy for state in states]),
    }


@keras_qd.register("datasets", "dots-with-numbers")
def dots() -> ArrayDataset:
    """Return the three splits."""
    parts = [
        solved(count, seed) for seed, count in enumerate((samples, samples // 8, samples // 8))
    ]
    return ArrayDataset(*parts, fields=described, metadata={"length": 10.0})


# %% [markdown]
# ## The task
#
# Fields of different shapes are separate, named inputs and outputs. In the U-Net, an input number
# becomes a constant channel, and an output number is computed from the innermost map. Every target
# has its own loss, with a weight, and the metrics that are defined for it: `ssim` for the density
# alone.

# %%
task = Task(
    name="dot-to-density-and-energy",
    description="potential, number of electrons and strength to density and energy",
    dataset="dots-with-numbers",
    inputs=("potential", "electrons", "strength"),
    targets=("density", "energy"),
    model="unet",
    model_config={"filters": filters, "dropout": 0.0, "learning_rate": 1e-3},
    metrics=("l1", "r2", "ssim"),
    followed=("l1", "r2"),
    loss_weights={"energy": 0.3},
    scaling={
        "potential": "standard",
        "electrons": "standard",
        "strength": "standard",
        "density": "standard",
        "energy": "standard",
    },
    augmentation="square-symmetries",
    schedule="cosine",
    epochs=epochs,
)
data = dots()
run = keras_qd.train(task, "runs/dot-to-density-and-energy", dataset=data, seed=1)
evaluation = keras_qd.evaluate(run, data=data)
for field in task.targets:
    for name in ("l1", "r2"):
        score = evaluation.score(name, field)
        print(f"{score.title} of {field}: {score.value:.4f}, trivial {score.baseline:.4f}")

# %% [markdown]
# ## One potential, many systems
#
# The trained model takes fields by name, in physical units: here one potential of the test split
# with increasing interaction, for each number of electrons.

# %%
model = keras_qd.load_model(run)
potential = data.split("test")["potential"][0]
strengths = np.linspace(0, 3, 4)
figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for number in (1, 2, 3):
    inputs = {
        "potential": np.repeat(potential[None], len(strengths), axis=0),
        "electrons": np.full(len(strengths), float(number)),
        "strength": strengths,
    }
    found = model.predict(inputs, verbose=0)
    exact = [
        physics.solve(potential, box, number, n_orbitals=orbitals, strength=strength).energy
        for strength in strengths
    ]
    panels[0].plot(strengths, exact, color=f"C{number}", label=f"{number} electrons")
    panels[0].plot(strengths, found["energy"], "o", color=f"C{number}")
    charge = found["density"].sum(axis=(1, 2)) * (10.0 / pixels) ** 2
    panels[1].plot(strengths, charge, "o", color=f"C{number}")
    panels[1].axhline(number, color="0.7", zorder=0)
panels[0].set(xlabel="strength", ylabel="energy (Ha*): line exact, points predicted")
panels[1].set(xlabel="strength", ylabel="charge of the predicted density")
panels[0].legend(frameon=False)
figure.savefig("14_numbers_beside_maps.png", dpi=150)
