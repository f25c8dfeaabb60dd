# %% [markdown]
# # Inverse design
#
# A potential in which two electrons form the letters Q and D, and a device that approximates it.
# This takes about a minute.

# %%
import matplotlib.pyplot as plt

import keras_qd
from keras_qd import inverse, physics
from keras_qd.report.figures.inversions import inversions_figure
from keras_qd.report.figures.style import figure_style

pixels, gates, seconds = 64, 5, 60

# %% [markdown]
# The density of one electron on each letter, drawn with a soft brush: features sharper than a tenth
# of the box would require a potential that no gate can produce.

# %%
box = physics.Box(10.0)
letters = inverse.density_target("letters", text="QD", width=0.08)
wanted = letters.density(box, pixels, n_electrons=2)
plt.figure(figsize=(3.4, 3), layout="constrained")
plt.imshow(wanted, origin="lower", extent=(0, box.length, 0, box.length), cmap="magma")
plt.colorbar(label="wanted density (1/a0*²)")

# %% [markdown]
# First, any smooth potential. The result is verified: its density is that of the exact ground
# state. Lines as thin as these need more half waves than the default of 20 per side.

# %%
tolerance = 5e-3
free = keras_qd.invert(wanted, box, 2, tolerance, half_waves=28, max_seconds=seconds)
print(f"any smooth potential: {free.explanation}, after {free.iterations} iterations")
print(f"  start: integral |dn| / N = {free.start_residual:.2g}; E = {free.energy:.3f} Ha*")

# %% [markdown]
# Then only the potentials of an array of gates, each between -12 and 12 Ha*, starting from the
# potential found above.

# %%
array = physics.potential_family("gate-array", n_gates=gates, gate_energy=(-12, 12), depth=0.05)
device = inverse.invert_in_family(
    wanted,
    box,
    2,
    array,
    tolerance=tolerance,
    start=free.potential,
    n_starts=1,
    max_seconds=seconds,
)
print(f"{gates} x {gates} gates: {device.explanation}")

# %%
with figure_style():
    titles = ["Any smooth potential", f"{gates} x {gates} gates"]
    figure = inversions_figure([free, device], titles)
    figure.savefig("05_inverse_design.png", dpi=160)
figure
