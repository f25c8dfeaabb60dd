// One electron in a box with hard walls: sine functions, and Lanczos for the two lowest levels.
//
// The matrix of the potential is summed over the pixel centres, at which products of sine functions
// of up to half the number of pixels are integrated exactly.

import { add, eigenvalue, inner, product, sines } from "./matrices.js";

const MOST_STEPS = 150;
const RESIDUAL = 1e-6;

class Dot {
  constructor(potential, nPixels, length, nFunctions) {
    Object.assign(this, { potential, n: nPixels, m: nFunctions, length });
    this.table = sines(nPixels, nFunctions);
    this.turned = new Float64Array(this.table.length);
    for (let i = 0; i < nPixels; i++) for (let k = 0; k < nFunctions; k++) this.turned[k * nPixels + i] = this.table[i * nFunctions + k];
    this.kinetic = Float64Array.from({ length: nFunctions }, (_, k) => 0.5 * ((Math.PI * (k + 1)) / length) ** 2);
  }

  // Coefficients to values on the grid, whose squares add up to those of the coefficients.
  values(coefficients) {
    const { n, m } = this;
    return product(product(this.table, coefficients, n, m, m), this.turned, n, m, n);
  }

  apply(coefficients) {
    const { n, m, kinetic } = this;
    const values = this.values(coefficients);
    for (let at = 0; at < values.length; at++) values[at] *= this.potential[at];
    const found = product(product(this.table, values, m, n, n, true), this.table, m, n, m);
    for (let i = 0; i < m; i++) for (let j = 0; j < m; j++) found[i * m + j] += (kinetic[i] + kinetic[j]) * coefficients[i * m + j];
    return found;
  }
}

// An eigenvector of a tridiagonal matrix, by its recursion from the last component, and one step of
// inverse iteration with elimination.
function eigenvector(diagonal, beside, value) {
  const size = diagonal.length;
  let vector = new Float64Array(size).fill(1);
  for (let round = 0; round < 3; round++) {
    const pivots = new Float64Array(size);
    const right = vector.slice();
    pivots[0] = diagonal[0] - value || 1e-12;
    for (let at = 1; at < size; at++) {
      const factor = beside[at - 1] / pivots[at - 1];
      pivots[at] = diagonal[at] - value - factor * beside[at - 1] || 1e-12;
      right[at] -= factor * right[at - 1];
    }
    for (let at = size - 1; at >= 0; at--) right[at] = (right[at] - (at + 1 < size ? beside[at] * right[at + 1] : 0)) / pivots[at];
    const norm = Math.sqrt(inner(right, right));
    vector = right.map((each) => each / norm);
  }
  return vector;
}

function lanczos(dot, start) {
  const basis = [];
  const diagonal = [];
  const beside = [];
  let next = start;
  let norm = Math.sqrt(inner(next, next));
  for (let step = 0; step < MOST_STEPS; step++) {
    const vector = next.map((each) => each / norm);
    basis.push(vector);
    next = dot.apply(vector);
    diagonal.push(inner(vector, next));
    // Twice is enough.
    for (let round = 0; round < 2; round++) {
      for (const each of basis) add(next, -inner(each, next), each);
    }
    norm = Math.sqrt(inner(next, next));
    if (step % 10 === 9 || step === MOST_STEPS - 1 || norm < 1e-10) {
      const energy = eigenvalue(diagonal, beside, 0);
      const vectorOfSmall = eigenvector(diagonal, beside, energy);
      const residual = norm * Math.abs(vectorOfSmall[step]);
      if (residual < RESIDUAL || step === MOST_STEPS - 1 || norm < 1e-10) {
        const state = new Float64Array(start.length);
        basis.forEach((each, index) => add(state, vectorOfSmall[index], each));
        const gap = step > 0 ? eigenvalue(diagonal, beside, 1) - energy : null;
        return { energy, gap, residual, state };
      }
    }
    beside.push(norm);
  }
  throw new Error("unreachable: the last step returns");
}

// Energy, gap, density and errors of one electron; the error is the change from fewer functions.
export function solveOneElectron(potential, nPixels, length) {
  const most = Math.min(32, Math.floor(nPixels / 2));
  const solve = (nFunctions) => {
    const dot = new Dot(potential, nPixels, length, nFunctions);
    // No symmetry of the dot makes this start lack the ground state, or the next one.
    const start = Float64Array.from({ length: nFunctions ** 2 }, (_, at) => 1 / (1 + at) + 0.01 * Math.sin(at));
    const found = lanczos(dot, start);
    const scale = (nPixels / length) ** 2;
    return { ...found, density: Float32Array.from(dot.values(found.state), (value) => value ** 2 * scale) };
  };
  const [coarse, fine] = [solve(Math.floor(0.75 * most)), solve(most)];
  const change = (length / nPixels) ** 2 * fine.density.reduce((sum, value, at) => sum + Math.abs(value - coarse.density[at]), 0);
  return {
    energy: fine.energy,
    energy_error: Math.abs(fine.energy - coarse.energy) + fine.residual,
    gap: fine.gap,
    gap_error: fine.gap === null ? null : Math.abs(fine.gap - coarse.gap) + fine.residual,
    density: fine.density,
    density_error: change,
    mu: fine.energy,
    mu_error: Math.abs(fine.energy - coarse.energy) + fine.residual,
    spin_squared: 0.75,
  };
}
