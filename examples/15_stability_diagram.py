# %% [markdown]
# # A double dot from gate voltages to its stability diagram
#
# Three gates above electrons in GaAs form a double dot. Exact solutions give its charge-stability
# diagram, its tunnel coupling and its exchange energy, each with its error. This takes half a
# minute on two cores.

# %%
import keras_qd
from keras_qd import devices, physics
from keras_qd._parallel import usable_cores
from keras_qd.report.figures.devices import stability_figure, sweep_figure
from keras_qd.report.figures.style import figure_style

pixels, points, electrons, voltages = 48, 100, 3, 11

# %% [markdown]
# Two plungers and a barrier; lengths in nm, voltages in mV. The potential is linear in them.

# %%
gates = [
    devices.GaussianGate("left", x=45, y=60, width=20),
    devices.GaussianGate("right", x=75, y=60, width=20),
    devices.GaussianGate("barrier", x=60, y=60, width=8, height=30),
]
device = devices.Device(gates, side=120, material="GaAs", n_pixels=pixels)
for n, state in enumerate(device.ground_states({"left": 12, "right": 12}, 2), start=1):
    print(f"{n} electron(s): E = {state.energy} meV, dE/dv = {state.slopes.round(3)} meV/mV")

# %% [markdown]
# The diagram is subdivided until the number of electrons is certain at every pixel: energies are
# concave in the voltages, so tangents and chords bound them.

# %%
diagram = devices.stability_diagram(
    device,
    "left",
    "right",
    ((-4, 20), (-4, 20)),
    points,
    voltages={"barrier": -6},
    max_electrons=electrons,
    workers=usable_cores(),
)
print(f"{diagram.n_electrons.size} pixels from {len(diagram.solved)} exact solutions")
print("lever arms of the first electron:", diagram.lever_arms(0, 0))
with figure_style():
    figure = stability_figure(diagram)
    figure.savefig("15_stability_diagram.png", dpi=160)
figure

# %% [markdown]
# The barrier tunes the exchange energy of two electrons over three orders of magnitude.

# %%
sweep = devices.sweep_gate(
    device,
    "barrier",
    [-40 + 50 * k / (voltages - 1) for k in range(voltages)],
    voltages={"left": 20, "right": 20},
    workers=usable_cores(),
)
with figure_style():
    figure = sweep_figure(sweep)
    figure.savefig("15_exchange.png", dpi=160)
figure

# %% [markdown]
# The reverse: the barrier voltage at which J = 100 ueV, and the tunnel coupling there.

# %%
plungers = {"left": 20.0, "right": 20.0}
found = keras_qd.inverse.design_device(
    device, {"barrier": (-40, 10)}, {"exchange": 0.1}, voltages=plungers
)
print(f"barrier = {found.parameters['barrier']:.2f} mV: {found} meV")
crossing = physics.tunnel_coupling(found.potential, device.box)
to_mev = device.material.to_millielectronvolts
print(f"tunnel coupling t = {to_mev(crossing.coupling.value):.3f} meV")
