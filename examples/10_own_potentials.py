# %% [markdown]
# # Rings with an impurity: potentials of your own
#
# Any array can be a potential, a class can define a family of them, and the solutions become a data
# set for every task. Here: quantum rings with an impurity. This takes about a minute.

# %%
import dataclasses
from typing import ClassVar

import matplotlib.pyplot as plt
import numpy as np

from keras_qd import data, physics, testing

most_electrons, samples, pixels = 4, 200, 64

# %% [markdown]
# ## One potential
#
# A ring with a shallow dip on the right. One electron is in the dip, and a second one on the
# opposite side. Three and four electrons begin to localise on the ring; for a chain of localised
# electrons the ring would have to be longer in units of a0*. Spin matters as well: the lowest state
# of three electrons has parallel spins, by a small margin. Energies are in Ha*.

# %%
box = physics.Box(10.0)
x, y = box.mesh(pixels)


def ring(radius, omega, dip, angle):
    """Return a parabola across a circle, with a Gaussian dip on it; all in a0* and Ha*."""
    centre = 5 + radius * np.cos(angle), 5 + radius * np.sin(angle)
    distance = np.hypot(x - centre[0], y - centre[1])
    return 0.5 * omega**2 * (np.hypot(x - 5, y - 5) - radius) ** 2 - dip * np.exp(-(distance**2))


potential = ring(radius=3.2, omega=1.5, dip=0.5, angle=0.0)
dots = [physics.solve(potential, box, n) for n in range(1, most_electrons + 1)]
for n, dot in enumerate(dots, start=1):
    print(f"{n} electrons: E = {dot.energy:.4f}, gap {dot.gap:.4f}, 2S + 1 = {dot.multiplicity}")

# %%
figure, panels = plt.subplots(1, len(dots) + 1, figsize=(10, 2.5), layout="constrained")
images = [("potential (Ha*)", np.minimum(potential, 3), "viridis")]
images += [(f"{n} electrons (1/a0*²)", dot.density, "magma") for n, dot in enumerate(dots, start=1)]
for panel, (title, values, colours) in zip(panels, images, strict=True):
    figure.colorbar(panel.imshow(values, origin="lower", cmap=colours), ax=panel, shrink=0.65)
    panel.set(xticks=[], yticks=[])
    panel.set_title(title, fontsize=9)
figure.savefig("10_one_ring.png", dpi=150)

# %% [markdown]
# ## A family of them
#
# A family is a frozen dataclass that names its parameters with the ranges they are drawn from, and
# computes the potential of given parameters. Lengths are fractions of the side of the box. Because
# drawing and computing are separate, `keras_qd.inverse.invert_in_family` can set the parameters as
# a device would. The check lists everything that is wrong with a family.


# %%
@dataclasses.dataclass(frozen=True, kw_only=True)
class QuantumRings(physics.PotentialFamily):
    """Rings of any radius and stiffness, with a dip anywhere on them."""

    name: ClassVar[str] = "quantum-rings"
    energies: ClassVar[tuple[str, ...]] = ("omega", "dip")

    smallest_radius: float = 0.15
    largest_radius: float = 0.32
    omega: float = 1.5
    dip: float = 0.8

    @property
    def parameters(self):
        """Radius (a fraction of the side), depth of the dip (Ha*) and where on the ring it is."""
        return (
            physics.Parameter(
                "radius", (self.smallest_radius, self.largest_radius), is_length=True
            ),
            physics.Parameter("dip", (0.0, self.dip)),
            physics.Parameter("angle", (-np.pi, np.pi)),
        )

    def values(self, drawn, box, n_pixels):
        """Return the ring of given parameters."""
        radius, angle = drawn["radius"] * box.length, drawn["angle"]
        x, y = (values - 0.5 * box.length for values in box.mesh(n_pixels))
        distance = np.hypot(x - radius * np.cos(angle), y - radius * np.sin(angle))
        ring = 0.5 * self.omega**2 * (np.hypot(x, y) - radius) ** 2
        return ring - drawn["dip"] * np.exp(-(distance**2))


rings = QuantumRings()
testing.check_potential_family(rings)

# %% [markdown]
# ## A data set
#
# Sample i has its own random generator, so it does not depend on the number of samples. The
# potentials are solved in parallel, each label with its error; an interrupted call resumes when
# repeated. On the command line this is `keras-qd solve potentials.npy --out rings.zarr`. If a
# separate distribution registers the family as an entry point in the group `keras_qd.potentials`,
# `keras-qd generate` finds it by its name.

# %%
drawn = [
    rings.sample(physics.sample_generator(7, index), box, pixels)[0] for index in range(samples)
]
store = data.solve_potentials(drawn, "rings.zarr", physics.Solver(box, n_electrons=2))
print(f"{store.n_finished} rings in {store.path}, digest {store.digest()}")

# %% [markdown]
# The store is used like the built-in data sets:
#
#     keras-qd inspect rings.zarr --figure rings.png
#     keras-qd train potential-to-density --data rings.zarr --out runs/rings
