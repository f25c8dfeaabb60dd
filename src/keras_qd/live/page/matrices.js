// Dense matrices as flat arrays, row after row.

// Values of the first sine functions at the pixel centres, normalised on the grid: [pixel][function].
export function sines(nPixels, nFunctions) {
  const table = new Float64Array(nPixels * nFunctions);
  for (let pixel = 0; pixel < nPixels; pixel++) {
    for (let k = 0; k < nFunctions; k++) {
      table[pixel * nFunctions + k] = Math.sqrt(2 / nPixels) * Math.sin((Math.PI * (k + 1) * (pixel + 0.5)) / nPixels);
    }
  }
  return table;
}

// left (a x b) or its transpose, times right (b x c).
export function product(left, right, a, b, c, transposed = false) {
  const found = new Float64Array(a * c);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      const factor = transposed ? left[j * a + i] : left[i * b + j];
      for (let k = 0, to = i * c, from = j * c; k < c; k++) found[to + k] += factor * right[from + k];
    }
  }
  return found;
}

export function inner(a, b) {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += a[at] * b[at];
  return sum;
}

export function add(to, factor, other) {
  for (let at = 0; at < to.length; at++) to[at] += factor * other[at];
}

export function transposed(matrix, rows, columns) {
  const found = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i++) for (let k = 0; k < columns; k++) found[k * rows + i] = matrix[i * columns + k];
  return found;
}

// Eigenvalues, rising, and eigenvectors (rows) of a symmetric matrix, by Jacobi's rotations.
export function eigen(matrix, size) {
  const a = Float64Array.from(matrix);
  const v = new Float64Array(size * size);
  for (let i = 0; i < size; i++) v[i * size + i] = 1;
  const whole = Math.sqrt(inner(a, a)) || 1;
  for (let sweep = 0; sweep < 30; sweep++) {
    let rest = 0;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rest += a[p * size + q] ** 2;
    if (Math.sqrt(rest) < 1e-11 * whole) break;
    for (let p = 0; p < size; p++) for (let q = p + 1; q < size; q++) rotate(a, v, size, p, q, 1e-14 * whole);
  }
  const order = Array.from({ length: size }, (_, index) => index).sort((i, k) => a[i * (size + 1)] - a[k * (size + 1)]);
  const vectors = new Float64Array(size * size);
  order.forEach((from, to) => vectors.set(v.subarray(from * size, (from + 1) * size), to * size));
  return { values: Float64Array.from(order, (index) => a[index * (size + 1)]), vectors };
}

// Make the element p, q of a symmetric matrix vanish.
function rotate(a, v, size, p, q, negligible) {
  const element = a[p * size + q];
  if (Math.abs(element) < negligible) return;
  const half = (a[q * size + q] - a[p * size + p]) / (2 * element);
  const t = (half < 0 ? -1 : 1) / (Math.abs(half) + Math.hypot(half, 1));
  const cosine = 1 / Math.hypot(t, 1);
  const sine = t * cosine;
  for (let k = 0; k < size; k++) {
    const [x, y] = [a[k * size + p], a[k * size + q]];
    a[k * size + p] = cosine * x - sine * y;
    a[k * size + q] = sine * x + cosine * y;
  }
  for (const rows of [a, v]) {
    for (let k = 0, i = p * size, j = q * size; k < size; k++, i++, j++) {
      const [x, y] = [rows[i], rows[j]];
      rows[i] = cosine * x - sine * y;
      rows[j] = sine * x + cosine * y;
    }
  }
}

// Solve matrix x = right by elimination with pivots; both are overwritten.
export function solve(matrix, right) {
  const size = right.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++) if (Math.abs(matrix[row * size + column]) > Math.abs(matrix[pivot * size + column])) pivot = row;
    for (let k = column; k < size; k++) {
      const kept = matrix[pivot * size + k];
      matrix[pivot * size + k] = matrix[column * size + k];
      matrix[column * size + k] = kept;
    }
    [right[pivot], right[column]] = [right[column], right[pivot]];
    for (let row = column + 1; row < size; row++) {
      const factor = matrix[row * size + column] / matrix[column * size + column];
      if (!factor) continue;
      for (let k = column; k < size; k++) matrix[row * size + k] -= factor * matrix[column * size + k];
      right[row] -= factor * right[column];
    }
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let k = row + 1; k < size; k++) right[row] -= matrix[row * size + k] * right[k];
    right[row] /= matrix[row * size + row];
  }
  return right;
}

// The number of eigenvalues of a tridiagonal matrix below a value.
function below(diagonal, beside, value) {
  let count = 0;
  let pivot = 1;
  for (let at = 0; at < diagonal.length; at++) {
    pivot = diagonal[at] - value - (at ? beside[at - 1] ** 2 / pivot : 0);
    if (pivot === 0) pivot = 1e-300;
    if (pivot < 0) count++;
  }
  return count;
}

// An eigenvalue of a tridiagonal matrix, the lowest being number 0.
export function eigenvalue(diagonal, beside, index) {
  const reach = Math.max(...diagonal.map(Math.abs)) + 2 * Math.max(0, ...beside);
  let [low, high] = [-reach, reach];
  while (high - low > 1e-12 * reach) {
    const middle = 0.5 * (low + high);
    if (below(diagonal, beside, middle) > index) high = middle;
    else low = middle;
  }
  return 0.5 * (low + high);
}
