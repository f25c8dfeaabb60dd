"""Solve quantum dots exactly: two electrons in a double well, from weak to strong interaction.

python examples/01_solve_a_dot.py [FIGURE]
"""

import sys

import numpy as np
from matplotlib.figure import Figure

from keras_qd import physics

# Two wells, 3 a0* apart, in a box of 10 a0*: about 100 nm in GaAs.
box = physics.Box(10.0)
x, y = box.mesh(64)
distance = np.minimum(np.hypot(x - 3.5, y - 5), np.hypot(x - 6.5, y - 5))
potential = -2.0 * np.exp(-((distance / 1.5) ** 2))

material = physics.material("GaAs")
figure = Figure(figsize=(10, 2.8), layout="constrained")
axes = figure.subplots(1, 4)
axes[0].imshow(potential, origin="lower", cmap="RdBu_r", extent=(0, 10, 0, 10))
axes[0].set_title("potential")
for axis, strength in zip(axes[1:], (0.0, 1.0, 5.0), strict=True):
    dot = physics.solve(potential, box, n_electrons=2, strength=strength)
    energy = material.to_millielectronvolts(dot.energy)
    print(
        f"strength {strength:3.1f}: E = {dot.energy:8.4f} Ha* ({energy:7.2f} meV in GaAs), "
        f"gap {dot.gap:.4f} Ha*, S^2 = {abs(dot.spin_squared):.2f}"
    )
    axis.imshow(dot.density, origin="lower", cmap="viridis", extent=(0, 10, 0, 10))
    axis.set_title(f"density, strength {strength}")
if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=120)
