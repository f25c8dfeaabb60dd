# %% [markdown]
# # From weak to strong interaction
#
# Two electrons with a Coulomb repulsion between zero and twenty times its physical strength: from
# both electrons in one orbital to two separated electrons. This takes a few seconds.

# %%
import matplotlib.pyplot as plt
import numpy as np

from keras_qd import physics

# %% [markdown]
# The potential is an elliptic parabola: in a round one the electrons would separate along an
# arbitrary direction, which the density does not show. The relevant quantity is the repulsion
# relative to the confinement, lambda / sqrt(omega), the Wigner parameter: increasing lambda is
# equivalent to enlarging the dot, as experiments do.

# %%
box = physics.Box(12.0)
x, y = box.mesh(64)
potential = 0.5 * (0.7 * (x - 6)) ** 2 + 0.5 * (y - 6) ** 2
strengths = np.array([0, 0.3, 1, 2, 3, 5, 7, 10, 15, 20])
orbitals = 36

# %% [markdown]
# For each strength, the lowest singlet (S = 0) and the lowest triplet (S = 1) are computed. Their
# difference J is the exchange splitting, which rotates a spin qubit in two dots.

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
# For strong repulsion, classical physics gives the distance: two point charges rest where the force
# of the parabola equals the repulsion, at x = +-(lambda / (4 omega_x^2))^(1/3), marked in the
# figure.
#
# The natural occupations show how well a single determinant describes the state: 2, 0, 0, ... is a
# pair in one orbital; 1, 1, 0, ... is one electron on each side, which no closed-shell determinant
# describes. J vanishes as the electrons separate. Below about 1e-3 Ha* (shaded) it is comparable to
# the error of a finite number of orbitals, and only its order of magnitude is meaningful.

# %%
figure = plt.figure(figsize=(10, 5.4), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=(1, 1.05))
shown = [0, 2, 5, 7, 9]
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
