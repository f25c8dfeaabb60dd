// The interaction of two electrons, with what it is on one grid point and on neighbouring ones: see
// keras_qd/physics/pair_grid.py, whose two values these are.

import { eigenvalue, solve } from "./matrices.js";

// Frequency of the parabola in which pair energies are exact, times the square of the box.
const OMEGA = 50;

// Where the oscillator's wave function counts as zero, in units of 1 / sqrt(omega).
const [FAR, FAR_ON_GRID] = [9, 7];

// Shells of the exact relative motion.
const SHELLS = 4000;

// w(r) in Ha* by its name and length, r in a0*.
function repulsion({ interaction, thickness, screening_length: screening, gate_distance: gate }) {
  return {
    coulomb: (r) => 1 / r,
    "finite-thickness": (r) => 1 / Math.hypot(r, thickness),
    screened: (r) => Math.exp(-r / screening) / r,
    "image-charge": (r) => 1 / r - 1 / Math.hypot(r, 2 * gate),
    none: () => 0,
  }[interaction];
}

// The matrix of the interaction between all pairs of n x n points in a box.
export function interactionMatrix(n, length, interaction, strength) {
  const spacing = length / (n + 1);
  const w = (r) => strength * repulsion(interaction)(r);
  const [onSite, neighbour] = contact(w, spacing, OMEGA / length ** 2);
  const found = new Float64Array(n ** 4);
  for (let i = 0; i < n * n; i++) {
    for (let k = 0; k < n * n; k++) {
      const steps = Math.hypot(Math.floor(i / n) - Math.floor(k / n), (i % n) - (k % n));
      found[i * n * n + k] = steps === 0 ? onSite : steps === 1 ? neighbour : w(steps * spacing);
    }
  }
  return found;
}

// Both values, exact in a parabola of frequency omega.
function contact(w, spacing, omega) {
  if (w(spacing) === 0) return [0, 0];
  const n = Math.ceil(FAR_ON_GRID / Math.sqrt(omega) / spacing);
  const [even, odd] = [kinetic(n, spacing, 1), kinetic(n, spacing, -1)];
  const value = (y, x) => w(spacing * (Math.hypot(y, x) || 1)) + 0.25 * (omega * spacing) ** 2 * (y * y + x * x);
  const more = defect(odd, even, (y, x) => value(y + 1, x), relativeEnergy(w, omega, 1));
  const nearest = (y, x) => (y + x === 0 ? 0 : value(y, x) + (y + x === 1 ? more : 0));
  return [defect(even, even, nearest, relativeEnergy(w, omega, 0)), w(spacing) + more];
}

// Lowest energy of -laplacian + omega^2 r^2 / 4 + w(r) for an angular momentum, by shells.
function relativeEnergy(w, omega, m) {
  const step = FAR / Math.sqrt(omega) / SHELLS;
  const diagonal = [];
  const beside = [];
  for (let i = 0; i < SHELLS; i++) {
    const r = (i + 0.5) * step;
    diagonal.push(2 / step ** 2 + (m / r) ** 2 + 0.25 * omega ** 2 * r ** 2 + w(r));
    if (i + 1 < SHELLS) beside.push(-(r + 0.5 * step) / Math.sqrt(r * (r + step)) / step ** 2);
  }
  return eigenvalue(diagonal, beside, 0);
}

// Matrix of -d^2/dx^2 on the points 0..n (parity 1) or 1..n (-1) of an infinite grid.
function kinetic(n, spacing, parity) {
  const first = parity > 0 ? 0 : 1;
  const sinc = (distance) => (distance === 0 ? Math.PI ** 2 / 3 : (2 * (-1) ** distance) / distance ** 2) / spacing ** 2;
  const norm = (i) => (i === 0 ? Math.SQRT1_2 : 1);
  const points = Array.from({ length: n + 1 - first }, (_, index) => index + first);
  return points.map((i) => points.map((k) => (sinc(Math.abs(i - k)) + parity * sinc(i + k)) * norm(i) * norm(k)));
}

// What, added to the potential on the first point, makes an energy an eigenvalue.
function defect(alongY, alongX, potential, energy) {
  const [rows, columns] = [alongY.length, alongX.length];
  const size = rows * columns;
  const matrix = new Float64Array(size * size);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const at = (y * columns + x) * size;
      for (let k = 0; k < rows; k++) matrix[at + k * columns + x] += alongY[y][k];
      for (let k = 0; k < columns; k++) matrix[at + y * columns + k] += alongX[x][k];
      matrix[at + y * columns + x] += potential(y, x) - energy;
    }
  }
  const unit = new Float64Array(size);
  unit[0] = 1;
  return -1 / solve(matrix, unit)[0];
}
