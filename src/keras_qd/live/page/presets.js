// Potentials by formula, in Ha*, at the pixel centres of a box of a given side in a0*, y first.

function filled(n, length, value) {
  const field = new Float32Array(n * n);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < n; column++) {
      field[row * n + column] = value(((column + 0.5) / n - 0.5) * length, ((row + 0.5) / n - 0.5) * length);
    }
  }
  return field;
}

// A frequency at which a dot fills the box without touching its walls: 0.5 Ha* for 10 a0*.
const frequency = (length) => 50 / length ** 2;

export const PRESETS = {
  parabola: (n, length) => {
    const omega = frequency(length);
    return filled(n, length, (x, y) => 0.5 * omega ** 2 * (x * x + y * y));
  },
  "double-dot": (n, length) => {
    const omega = 1.3 * frequency(length);
    const half = 0.18 * length;
    return filled(n, length, (x, y) => 0.5 * omega ** 2 * ((x * x - half * half) ** 2 / (4 * half * half) + y * y));
  },
  ring: (n, length) => {
    const omega = 1.3 * frequency(length);
    const radius = 0.26 * length;
    return filled(n, length, (x, y) => 0.5 * omega ** 2 * (Math.hypot(x, y) - radius) ** 2);
  },
  // Three by three wells of uneven depth.
  "gate-array": (n, length) => {
    const depth = 144 / length ** 2;
    const wave = (2 * Math.PI * 3) / length;
    return filled(n, length, (x, y) => {
      const uneven = 1 + 0.25 * Math.sin((7 * x + 3 * y) / length);
      return -depth * uneven * (0.5 + 0.25 * (Math.cos(wave * x) + Math.cos(wave * y)));
    });
  },
};
