// Two electrons in a box with hard walls: all products of the orbitals of a coarse grid, and
// Davidson's method for the lowest singlet and triplet together (see physics/two_electrons.py).
//
// A wave function is a matrix over pairs of orbitals, symmetric for a singlet and antisymmetric for
// a triplet; the product of the Hamiltonian with their sum serves both.

import { interactionMatrix } from "./contact.js";
import { add, eigen, inner, product, sines, transposed } from "./matrices.js";

// Points along a side of both grids, whose difference is the error that is shown.
const GRIDS = [9, 11];
const [STARTS, STEPS, RESIDUAL] = [5, 9, 1e-3];

// Products of two sine functions at the pixels, one row a pair, and the row of each pair.
function pairTable(nPixels, n) {
  const table = sines(nPixels, n);
  const rows = [];
  const index = Array.from({ length: n }, () => []);
  for (let a = 0; a < n; a++) {
    for (let b = 0; b <= a; b++) {
      index[a][b] = index[b][a] = rows.length;
      rows.push(Float64Array.from({ length: nPixels }, (_, pixel) => table[pixel * n + a] * table[pixel * n + b]));
    }
  }
  const values = new Float64Array(rows.length * nPixels);
  rows.forEach((row, at) => values.set(row, at * nPixels));
  return { values, turned: transposed(values, rows.length, nPixels), index, count: rows.length };
}

// All orbitals of one electron: energies, and each (rows) in sine functions and on the points.
function orbitals(potential, nPixels, length, n, pairs) {
  const { values, turned, index, count } = pairs;
  const field = Float64Array.from(potential);
  const integrals = product(product(values, field, count, nPixels, nPixels), turned, count, nPixels, count);
  const size = n * n;
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const [b, a] = [Math.floor(i / n), i % n];
    for (let k = 0; k < size; k++) matrix[i * size + k] = integrals[index[b][Math.floor(k / n)] * count + index[a][k % n]];
    matrix[i * size + i] += 0.5 * (Math.PI / length) ** 2 * ((a + 1) ** 2 + (b + 1) ** 2);
  }
  const { values: energies, vectors } = eigen(matrix, size);
  const along = (i, k) => Math.sqrt(2 / (n + 1)) * Math.sin((Math.PI * (i + 1) * (k + 1)) / (n + 1));
  const toPoints = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) toPoints[i * size + k] = along(Math.floor(i / n), Math.floor(k / n)) * along(i % n, k % n);
  }
  return { energies, vectors, points: product(vectors, toPoints, size, size, size) };
}

class Pair {
  constructor({ energies, points }, repulsion) {
    Object.assign(this, { energies, repulsion, rows: points, size: energies.length });
    this.columns = transposed(points, this.size, this.size);
  }

  diagonal(at) {
    return this.energies[Math.floor(at / this.size)] + this.energies[at % this.size];
  }

  apply(x) {
    const g = this.size;
    const onPoints = product(product(this.columns, x, g, g, g), this.rows, g, g, g);
    for (let at = 0; at < onPoints.length; at++) onPoints[at] *= this.repulsion[at];
    const found = product(product(this.rows, onPoints, g, g, g), this.columns, g, g, g);
    for (let at = 0; at < found.length; at++) found[at] += this.diagonal(at) * x[at];
    return found;
  }

  // The symmetric (sign 1) or antisymmetric part of a matrix.
  part(x, sign) {
    const turned = transposed(x, this.size, this.size);
    return x.map((value, at) => 0.5 * (value + sign * turned[at]));
  }
}

// Orthonormal matrices of one spin, their images under the Hamiltonian, and its matrix in them.
class Space {
  constructor(pair, sign) {
    Object.assign(this, { pair, sign, vectors: [], images: [] });
  }

  // A matrix made orthogonal to those that are here, or null where nothing is left of it.
  orthogonal(x) {
    const vector = this.pair.part(x, this.sign);
    const before = Math.sqrt(inner(vector, vector));
    for (let round = 0; round < 2; round++) for (const each of this.vectors) add(vector, -inner(each, vector), each);
    const norm = Math.sqrt(inner(vector, vector));
    return norm > 1e-8 * before && norm > 0 ? vector.map((each) => each / norm) : null;
  }

  take(vector, image) {
    if (!vector) return;
    this.vectors.push(vector);
    this.images.push(this.pair.part(image, this.sign));
  }

  // Lowest energies, the lowest state, and what is left of (H - E) times it.
  lowest() {
    const size = this.vectors.length;
    const matrix = new Float64Array(size * size);
    for (let i = 0; i < size; i++) for (let k = 0; k < size; k++) matrix[i * size + k] = inner(this.vectors[i], this.images[k]);
    const { values, vectors } = eigen(matrix, size);
    const state = new Float64Array(this.vectors[0].length);
    const rest = new Float64Array(state.length);
    for (let k = 0; k < size; k++) {
      add(state, vectors[k], this.vectors[k]);
      add(rest, vectors[k], this.images[k]);
    }
    add(rest, -values[0], state);
    return { energies: values, state, rest };
  }

  // The next direction of Davidson's method.
  correction({ energies, state, rest }, floor) {
    let free = 0;
    state.forEach((value, at) => (free += this.pair.diagonal(at) * value * value));
    const shift = Math.min(energies[0], free);
    return rest.map((value, at) => value / Math.min(shift - this.pair.diagonal(at), -floor));
  }
}

function lowestStates(pair, floor) {
  const spaces = [new Space(pair, 1), new Space(pair, -1)];
  const extend = (matrices) => {
    const vectors = spaces.map((space, spin) => space.orthogonal(matrices[spin]));
    const sum = new Float64Array(pair.size ** 2);
    for (const each of vectors) if (each) add(sum, 1, each);
    const image = pair.apply(sum);
    spaces.forEach((space, spin) => space.take(vectors[spin], image));
  };
  const product = (i, k) => {
    const found = new Float64Array(pair.size ** 2);
    found[i * pair.size + k] = 1;
    return found;
  };
  // Products of the lowest orbitals: of one with itself only a singlet.
  const [same, different] = [[[0, 0], [0, 1], [0, 2], [1, 1], [1, 2]], [[0, 1], [0, 2], [1, 2], [0, 3], [1, 3]]];
  for (let start = 0; start < STARTS; start++) extend([product(...same[start]), product(...different[start])]);
  let found = spaces.map((space) => space.lowest());
  for (let step = 0; step < STEPS; step++) {
    const residual = Math.max(...found.map(({ rest }) => Math.sqrt(inner(rest, rest))));
    if (residual < RESIDUAL) break;
    extend(spaces.map((space, spin) => space.correction(found[spin], floor)));
    found = spaces.map((space) => space.lowest());
  }
  return found;
}

function onGrid(potential, nPixels, length, interaction, strength, n) {
  const pairs = pairTable(nPixels, n);
  const one = orbitals(potential, nPixels, length, n, pairs);
  const pair = new Pair(one, repulsionOf(n, length, interaction, strength));
  const [singlet, triplet] = lowestStates(pair, (Math.PI / length) ** 2);
  const energy = singlet.energies[0];
  return {
    energy,
    exchange: triplet.energies[0] - energy,
    gap: Math.min(triplet.energies[0], singlet.energies[1]) - energy,
    mu: energy - one.energies[0],
    density: density(singlet.state, one, nPixels, length, n, pairs),
  };
}

// The matrices of the last systems: while the pen moves they stay the same.
const kept = new Map();

function repulsionOf(n, ...system) {
  const key = JSON.stringify([n, ...system]);
  if (!kept.has(key)) {
    if (kept.size >= 4) kept.clear();
    kept.set(key, interactionMatrix(n, ...system));
  }
  return kept.get(key);
}

// The density at the pixels: of the wave function's sum of squares over the other electron.
function density(state, { vectors }, nPixels, length, n, { values, turned, index, count }) {
  const size = n * n;
  const inSines = product(transposed(vectors, size, size), state, size, size, size);
  const matrix = product(inSines, transposed(inSines, size, size), size, size, size);
  const byPairs = new Float64Array(count * count);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) byPairs[index[Math.floor(i / n)][Math.floor(k / n)] * count + index[i % n][k % n]] += matrix[i * size + k];
  }
  const field = product(product(turned, byPairs, nPixels, count, count), values, nPixels, count, nPixels);
  return Float32Array.from(field, (value) => Math.max(2 * value * (nPixels / length) ** 2, 0));
}

// Energies, density and errors of two electrons; the error is the change from a coarser grid.
export function solveTwoElectrons(potential, nPixels, length, interaction, strength) {
  const [coarse, fine] = GRIDS.map((n) => onGrid(potential, nPixels, length, interaction, strength, Math.min(n, Math.floor(nPixels / 2))));
  const error = (name) => Math.abs(fine[name] - coarse[name]);
  const moved = fine.density.reduce((sum, value, at) => sum + Math.abs(value - coarse.density[at]), 0);
  return {
    ...fine,
    energy_error: error("energy"),
    exchange_error: error("exchange"),
    gap_error: error("gap"),
    mu_error: error("mu"),
    density_error: (0.5 * moved * length ** 2) / nPixels ** 2,
    spin_squared: 0,
  };
}
