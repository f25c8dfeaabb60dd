// Strokes on a square field: a well, a hill, charge, or the eraser. Nothing here knows the page.

// Share of the brush at a distance, in units of its radius: flat, then a smooth edge.
export function profile(distance, smoothness) {
  const inner = 1 - smoothness;
  const outer = 1 + smoothness;
  if (distance <= inner) return 1;
  if (distance >= outer) return 0;
  return 0.5 * (1 + Math.cos((Math.PI * (distance - inner)) / (outer - inner)));
}

export class Stroke {
  constructor(field, nPixels, brush) {
    this.field = field;
    this.before = field.slice();
    this.covered = new Float32Array(field.length);
    this.nPixels = nPixels;
    this.brush = brush;
    this.last = null;
  }

  // Go on to a point, in fractions of the side, y upwards.
  to(x, y) {
    const from = this.last ?? { x, y };
    const length = Math.hypot(x - from.x, y - from.y);
    const steps = Math.max(1, Math.ceil(length / Math.max(0.25 * this.brush.size, 0.5 / this.nPixels)));
    for (let step = 1; step <= steps; step++) {
      this.dab(from.x + ((x - from.x) * step) / steps, from.y + ((y - from.y) * step) / steps);
    }
    this.last = { x, y };
  }

  dab(x, y) {
    const n = this.nPixels;
    const { size, smoothness, value, tool } = this.brush;
    const reach = size * (1 + smoothness);
    const range = (centre) => [
      Math.max(0, Math.floor((centre - reach) * n)),
      Math.min(n - 1, Math.ceil((centre + reach) * n)),
    ];
    const [left, right] = range(x);
    const [low, high] = range(y);
    for (let row = low; row <= high; row++) {
      for (let column = left; column <= right; column++) {
        const distance = Math.hypot((column + 0.5) / n - x, (row + 0.5) / n - y) / size;
        const share = profile(distance, smoothness);
        const at = row * n + column;
        if (share <= this.covered[at]) continue;
        this.covered[at] = share;
        const old = this.before[at];
        this.field[at] =
          tool === "erase" ? old * (1 - share) : tool === "charge" ? Math.max(old, value * share) : old + value * share;
      }
    }
  }
}

// Drawings before and after each change: snapshots, the oldest forgotten.
export class History {
  constructor(most = 100) {
    this.most = most;
    this.past = [];
    this.future = [];
  }

  keep(snapshot) {
    this.past.push(snapshot);
    if (this.past.length > this.most) this.past.shift();
    this.future = [];
  }

  undo(now) {
    if (!this.past.length) return null;
    this.future.push(now);
    return this.past.pop();
  }

  redo(now) {
    if (!this.future.length) return null;
    this.past.push(now);
    return this.future.pop();
  }
}
