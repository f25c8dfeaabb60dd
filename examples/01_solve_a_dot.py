# %% [markdown]
# # Solve a dot
#
# Two electrons in a double well, solved exactly: input, results, and their accuracy. This takes two
# seconds.

# %%
import matplotlib.pyplot as plt
import numpy as np

from keras_qd import physics

# %% [markdown]
# Lengths are in effective Bohr radii a0*, energies in effective Hartree Ha*: in GaAs about 10 nm
# and 11 meV. The box has hard walls. Two Gaussian wells lie 3.4 a0* apart, the right one a little
# deeper.

# %%
box = physics.Box(10.0)
x, y = box.mesh(64)  # centres of 64 x 64 pixels
left = -2.00 * np.exp(-(((x - 3.3) ** 2 + (y - 5) ** 2) / 1.5**2))
right = -2.05 * np.exp(-(((x - 6.7) ** 2 + (y - 5) ** 2) / 1.5**2))
potential = left + right

solver = physics.Solver(box, n_electrons=2)
dot, free = solver.solve_both(potential)

# %% [markdown]
# Without interaction both electrons are in one orbital, mostly in the deeper well. With it they
# share the wells evenly, because less repulsion outweighs the difference in depth. The singlet
# (S^2 = 0) is the lowest spin state, as it must be for two electrons without a magnetic field; the
# next level, the triplet, is close. Two natural orbitals have large occupations: a single one, as
# for independent electrons, does not describe this state.

# %%
gaas = physics.material("GaAs")
for name, state in (("without interaction", free), ("with interaction", dot)):
    print(
        f"{name:20s} E = {state.energy:8.4f} Ha* = {gaas.to_millielectronvolts(state.energy):7.2f} "
        f"meV, gap {state.gap:.4f} Ha*, S^2 = {abs(state.spin_squared):.2f}, "
        f"electrons {state.density.sum() * box.pixel_area(64):.6f}"
    )
print("natural occupations:", dot.occupations[:4].round(3))

# %%
figure, panels = plt.subplots(1, 3, figsize=(9.6, 3.0), layout="constrained")
extent = (0, box.length, 0, box.length)
top = max(free.density.max(), dot.density.max())
image = panels[0].imshow(potential, origin="lower", extent=extent, cmap="viridis")
figure.colorbar(image, ax=panels[0], label="Ha*")
panels[0].set_title("potential")
for panel, title, state in zip(
    panels[1:], ("without interaction", "with interaction"), (free, dot), strict=True
):
    image = panel.imshow(
        state.density, origin="lower", extent=extent, cmap="magma", vmin=0, vmax=top
    )
    panel.set_title(title)
figure.colorbar(image, ax=panels[1:], label="density (1/a0*²)")
for panel in panels:
    panel.set_xlabel("x (a0*)")
panels[0].set_ylabel("y (a0*)")
figure.savefig("01_solve_a_dot.png", dpi=150)

# %% [markdown]
# "Exact" means: accurate to an error that the solver estimates. Two electrons are solved on a
# product grid, which is refined until the estimated error of the density is below 1e-3 per
# electron; a finer grid gives the estimate.

# %%
error = physics.estimate_label_error(solver, potential)
print(f"error of the energy about {error.energy:.1e} Ha*, of the density {error.density:.1e}")

# %% [markdown]
# Configuration interaction, which the solver uses for three and more electrons, converges more
# slowly. Two electrons in a round parabola with omega = 1 have the exact energy 3 Ha* (Taut, Phys.
# Rev. A 48, 3561 (1993), https://doi.org/10.1103/PhysRevA.48.3561). More orbitals approach it from
# above; the error is about inversely proportional to their number.

# %%
parabola = 0.5 * ((x - 5) ** 2 + (y - 5) ** 2)
for n_orbitals in (10, 21, 36):  # full shells
    energy = physics.solve(parabola, box, 2, n_orbitals=n_orbitals).energy
    print(f"{n_orbitals} orbitals: E = {energy:.4f} Ha*, {energy - 3:.4f} above the exact value")
