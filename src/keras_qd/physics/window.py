r"""The square window where the electrons are, so that a small grid need not cover an empty box.

Beyond the region in which V is below the energy mu of the outermost electron a wave function decays
as exp(-d) with Agmon's distance [1]_ from it, the shortest length under the metric
``sqrt(2 (V - mu))``. The first N levels of one electron, solved on all pixels, and the repulsion U
of two electrons in the lowest orbital bound mu of N electrons by ``e_N + (N - 1) U``, for any spin.

References
----------
.. [1] S. Agmon, "Lectures on Exponential Decay of Solutions of Second-Order Elliptic Equations"
   (Princeton, 1982), https://doi.org/10.1515/9781400853076
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, rfft2
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from keras_qd.physics.box import Box
from keras_qd.physics.davidson import davidson
from keras_qd.physics.interactions import Interaction
from keras_qd.physics.sine_basis import cosine_matrix, sine_basis, sine_matrix

Array = NDArray[np.float64]

#: Distance at which the wave function counts as zero: exp(-2 * 4) of the density.
_DECAY = 4.0

#: Windows come in sizes of L, L / 1.06, L / 1.06^2, ..., so that tables of one serve many dots;
#: the first to be used saves enough to matter.
_RATIO, _FIRST = 1.06, 2

#: Half waves of the start of the one-electron solution, and the most that it uses.
_FEW_HALF_WAVES, _MOST_HALF_WAVES = 12, 96

#: Residual norm of the orbitals, in Ha* per unit of (pi / L)^2.
_TOLERANCE = 1e-2


@dataclass(frozen=True)
class Window:
    """Square within the box: lower left corner and side in a0*."""

    box: Box
    x: float
    y: float
    side: float

    def cosines(self, potential: Array, n_cosines: int) -> Array:
        """Averages of V (..., n, n) times cosines of the window, as for `grid_orbitals`."""
        n_pixels = potential.shape[-1]
        along_y = self.projection(self.y, n_pixels, n_cosines)
        along_x = self.projection(self.x, n_pixels, n_cosines)
        return np.asarray(along_y @ potential @ along_x.T)

    def sines(self, n_pixels: int, n_half_waves: int) -> tuple[Array, Array]:
        """Sines along y and along x at the pixels, 0 outside: (n_pixels, n_half_waves) each."""
        centres = self.box.centres(n_pixels)
        values = []
        for corner in (self.y, self.x):
            position = (centres - corner) / self.side
            waves = np.sin(np.pi * np.outer(position, np.arange(1, n_half_waves + 1)))
            inside = (position > 0) & (position < 1)
            values.append(np.sqrt(2 / self.side) * waves * inside[:, None])
        return values[0], values[1]

    def projection(self, corner: float, n_pixels: int, n_cosines: int) -> Array:
        """Matrix from values at pixels to averages times cosines along one direction."""
        if self.side == self.box.length:
            # Cosines that the pixels cannot tell from lower ones do not occur in the interpolant.
            order = np.arange(n_cosines)
            cosines = cosine_matrix(n_cosines - 1, n_pixels) / n_pixels
            return np.asarray(np.where(order < n_pixels, cosines, 0.0).T)
        n_nodes = 2 * max(n_cosines, n_pixels)
        nodes = (np.arange(n_nodes) + 0.5) / n_nodes
        position = (corner + self.side * nodes) * (np.pi / self.box.length)
        series = cosine_matrix(n_pixels - 1, n_pixels) * (2 / n_pixels)
        series[:, 0] /= 2
        values = np.cos(np.outer(position, np.arange(n_pixels))) @ series.T
        return np.asarray(cosine_matrix(n_cosines - 1, n_nodes).T @ values / n_nodes)


def whole_box(box: Box) -> Window:
    """Return the window that is the box."""
    return Window(box, 0.0, 0.0, box.length)


def find_window(
    potential: Array,
    box: Box,
    interaction: Interaction,
    strength: float,
    n_electrons: int = 2,
) -> Window:
    """Find the window outside of which the electrons have next to no density."""
    energies, density = _lowest_orbitals(potential, box, n_electrons)
    repulsion = (n_electrons - 1) * _repulsion(density, box, interaction, strength)
    reached = _decay(potential, box, energies[-1] + repulsion) < _DECAY
    centres, pixel = box.centres(len(potential)), box.length / len(potential)
    spans = [centres[reached.any(axis=axis)][[0, -1]] + [-pixel, pixel] for axis in (0, 1)]
    n_steps = int(np.log(box.length / max(np.ptp(span) for span in spans)) / np.log(_RATIO))
    if n_steps < _FIRST:
        return whole_box(box)
    side = box.length / _RATIO**n_steps
    x, y = (float(np.clip(span.mean() - side / 2, 0, box.length - side)) for span in spans)
    return Window(box, x, y, side)


def _lowest_orbitals(potential: Array, box: Box, n_levels: int) -> tuple[Array, Array]:
    """Lowest energies of one electron, and the density of the lowest at the pixels."""
    n_pixels, unit = len(potential), (np.pi / box.length) ** 2
    n = min(n_pixels - 1, _MOST_HALF_WAVES)
    sines = sine_matrix(n, n_pixels)
    weight = (np.pi / n_pixels) ** 2
    waves = np.arange(1, n + 1) ** 2
    kinetic = 0.5 * unit * (waves[:, None] + waves).ravel()

    def apply(vectors: Array) -> Array:
        fields = sines @ vectors.reshape(-1, n, n) @ sines.T
        images = sines.T @ (fields * potential * weight) @ sines
        return np.asarray(images.reshape(len(vectors), -1) + kinetic * vectors)

    def precondition(residuals: Array, values: Array) -> Array:
        distance = values[:, None] - kinetic - potential.mean()
        return np.asarray(residuals / np.minimum(distance, -0.25 * kinetic))

    energies, vectors = davidson(
        apply,
        precondition,
        _start(potential, box, n, n_levels + 2),
        n_levels,
        tolerance=_TOLERANCE * unit,
    )
    orbital = sines @ vectors[0].reshape(n, n) @ sines.T
    return energies, np.asarray(orbital**2 * unit)


def _start(potential: Array, box: Box, n: int, n_starts: int) -> Array:
    """Lowest orbitals in few sine functions, as rows in the square of all n x n."""
    few = sine_basis(min(_FEW_HALF_WAVES, n), len(potential))
    matrix = few.potential_matrix(potential)
    matrix += np.diag(few.kinetic * (np.pi / box.length) ** 2)
    lowest = few.as_grids(np.linalg.eigh(matrix)[1][:, :n_starts])
    start = np.zeros((n_starts, n, n))
    start[:, : few.n_max, : few.n_max] = lowest
    return start.reshape(n_starts, -1)


def _repulsion(density: Array, box: Box, interaction: Interaction, strength: float) -> float:
    """Energy of two electrons that both have this density."""
    n, pixel = len(density), box.length / len(density)
    steps = np.fft.fftfreq(2 * n, 0.5 / n) * pixel
    # 3.9 / pixel is what 1/r is on one pixel: see `pair_grid`.
    distances = np.maximum(np.hypot(steps[:, None], steps), pixel / 3.9)
    shape = (2 * n, 2 * n)
    field = irfft2(rfft2(density, shape) * rfft2(interaction(distances)), shape)[:n, :n]
    return float(strength * (density * field).sum() * pixel**4)


def _decay(potential: Array, box: Box, energy: float) -> Array:
    """Agmon's distance of every pixel from the region where V is below the energy."""
    n, pixel = len(potential), box.length / len(potential)
    metric = np.sqrt(2 * np.maximum(potential - energy, 0.0)).ravel()
    number = np.arange(n * n, dtype=np.int32).reshape(n, n)
    edges = []
    for step_y, step_x in ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (1, -2), (2, -1)):
        columns = slice(max(-step_x, 0), n - max(step_x, 0))
        ends = slice(max(step_x, 0), n + min(step_x, 0))
        first, second = number[: n - step_y, columns].ravel(), number[step_y:, ends].ravel()
        length = np.hypot(step_y, step_x) * pixel * 0.5 * (metric[first] + metric[second])
        edges.append((first, second, length))
    first, second, length = (np.concatenate(parts) for parts in zip(*edges, strict=True))
    # The graph takes no edges of length 0.
    graph = coo_array((length + 1e-9, (first, second)), shape=(n * n, n * n)).tocsr()
    inside = np.flatnonzero(potential.ravel() <= max(energy, potential.min()))
    distance = dijkstra(graph, directed=False, indices=inside, min_only=True)
    return np.asarray(distance.reshape(n, n))
