# %% [markdown]
# # From weak to strong interaction
#
# The same two electrons, with the Coulomb repulsion turned up from nothing to twenty times what it
# is: from two electrons in one orbital to two electrons that keep out of each other's way. A few
# seconds.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from keras_qd import physics

REDUCED = "KERAS_QD_REDUCED" in os.environ  # seconds, for tests

# %% [markdown]
# An elliptic parabola: in a round one the electrons would stand opposite each other in no
# direction in particular, and the density would not show it. What counts is the repulsion beside
# the confinement, lambda / sqrt(omega), the Wigner parameter: turning lambda up does the same as
# making the dot larger, which is how it is done in a laboratory.

# %%
box = physics.Box(12.0)
x, y = box.mesh(64)
potential = 0.5 * (0.7 * (x - 6)) ** 2 + 0.5 * (y - 6) ** 2
strengths = np.array([0, 1, 10] if REDUCED else [0, 0.3, 1, 2, 3, 5, 7, 10, 15, 20])
orbitals = 20 if REDUCED else 36

# %% [markdown]
# For every strength the lowest singlet (S = 0) and the lowest triplet (S = 1). Their distance J is
# the exchange splitting: what a spin qubit in two dots is turned with.

# %%
singlets, triplets = (
    [
        physics.solve(potential, box, 2, n_orbitals=orbitals, strength=strength, spin=spin)
        for strength in strengths
    ]
    for spin in (0, 1)
)
splitting = np.array([b.energy - a.energy for a, b in zip(singlets, triplets, strict=True)])
occupations = np.array([state.occupations[:4] for state in singlets])
print("strength   energy (Ha*)   J (Ha*)   natural occupations")
for strength, state, j, numbers in zip(strengths, singlets, splitting, occupations, strict=True):
    print(f"{strength:8.1f} {state.energy:14.4f} {j:9.4f}   {numbers.round(3)}")

# %% [markdown]
# Where the repulsion rules, classical physics gives the distance: two point charges rest where the
# force of the parabola equals the repulsion, at x = +-(lambda / (4 omega_x^2))^(1/3). The marks in
# the picture are there.
#
# The natural occupations tell how far one determinant would do: 2, 0, 0, ... is a pair in one
# orbital, 1, 1, 0, ... one electron on each side, which no single closed-shell determinant
# describes. J dies out as the two no longer meet; below some 1e-3 Ha* (the shaded part) it is as
# small as what a finite number of orbitals leaves out, and only its order of magnitude counts.

# %%
figure = plt.figure(figsize=(10, 5.4), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=(1, 1.05))
shown = [0, 1, 2] if REDUCED else [0, 2, 5, 7, 9]
panels = above.subplots(1, len(shown), sharey=True)
for panel, number in zip(panels, shown, strict=True):
    image = panel.imshow(
        singlets[number].density, origin="lower", extent=(0, 12, 0, 12), cmap="magma", vmin=0
    )
    above.colorbar(image, ax=panel, location="bottom", shrink=0.9)
    classical = (strengths[number] / (4 * 0.7**2)) ** (1 / 3)
    if strengths[number] > 0:
        panel.plot([6 - classical, 6 + classical], [6, 6], "+", color="white", markersize=7)
    panel.set(title=f"strength {strengths[number]:g}", xticks=[], yticks=[])
above.supylabel("density (1/a0*²)", fontsize=10)

left, right = below.subplots(1, 2)
left.semilogy(strengths, splitting, "o-")
left.axhspan(1e-4, 1e-3, color="0.9", zorder=0)
left.set(ylim=(1e-4, 1))
left.set(xlabel="strength of the interaction", ylabel="J = E(S=1) - E(S=0)  (Ha*)")
for number in range(3):
    right.plot(strengths, occupations[:, number], "o-", label=f"{number + 1}. natural orbital")
right.set(xlabel="strength of the interaction", ylabel="electrons in it", ylim=(0, 2.05))
right.legend(frameon=False)
for panel in (left, right):
    panel.grid(alpha=0.3)
figure.savefig("02_weak_to_strong_interaction.png", dpi=150)
