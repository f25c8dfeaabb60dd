// Fields as pictures with colour bars, cuts and residuals as plots.

import { shown } from "./units.js";

const SVG = "http://www.w3.org/2000/svg";
// Milliseconds without a change after which a screen reader gets the new description of a field.
const DESCRIBED = 400;
// A quantity whose negative part is smaller than this share of its positive part counts as positive.
const NEGLIGIBLE = 0.05;

function element(name, parent, attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

// Write a text where it has changed: to write costs a layout of the page.
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function range(field) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of field) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

// The value that a share of the field does not exceed (quickselect).
export function quantile(field, share) {
  const values = field.slice();
  const wanted = Math.floor(share * (values.length - 1));
  for (let first = 0, last = values.length - 1; first < last; ) {
    const pivot = values[(first + last) >> 1];
    let [low, high] = [first, last];
    while (low <= high) {
      while (values[low] < pivot) low++;
      while (values[high] > pivot) high--;
      if (low > high) break;
      const value = values[low];
      values[low++] = values[high];
      values[high--] = value;
    }
    if (wanted <= high) last = high;
    else if (wanted >= low) first = low;
    else break;
  }
  return values[wanted];
}

// Share of the pixels of a potential that keep apart in colour: electrons are where it is low.
const LOWER = 0.8;

// The colours of a potential, as the figures of the report choose them, up to its upper part.
export function potentialColours(field) {
  const [low, top] = range(field);
  const high = quantile(field, LOWER);
  if (low < 0 && high > 0 && Math.min(-low, high) > NEGLIGIBLE * Math.max(-low, high)) {
    const reach = Math.max(-low, high);
    return { map: "signed", low: -reach, high: reach, clipped: top > reach };
  }
  return { map: "field", low, high, clipped: top > high };
}

export function differenceColours(field) {
  const [low, high] = range(field);
  const reach = Math.max(-low, high) || 1;
  return { map: "difference", low: -reach, high: reach };
}

// 256 colours as pixels, from red, green, blue, one after the other.
export function palette(values) {
  const bytes = new Uint8ClampedArray(1024).fill(255);
  values.forEach((value, at) => (bytes[4 * Math.floor(at / 3) + (at % 3)] = value));
  return new Uint32Array(bytes.buffer);
}

export class FieldView {
  constructor(container, nPixels, colourMaps, name, interactive) {
    this.n = nPixels;
    this.colourMaps = colourMaps;
    this.name = name;
    this.shown = {};
    this.frame = element("div", container, { class: "frame" });
    this.canvas = element("canvas", this.frame, { width: nPixels, height: nPixels });
    if (interactive) {
      this.canvas.tabIndex = 0;
      this.canvas.setAttribute("role", "application");
      this.canvas.setAttribute("aria-describedby", "keys");
    } else this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", name);
    const marks = document.createElementNS(SVG, "svg");
    marks.setAttribute("viewBox", "0 0 1 1");
    marks.setAttribute("aria-hidden", "true");
    // Each mark twice, dark below light, so that it is seen on any colour.
    const twice = (each) => ["dark", "light"].map((shade) => {
      const made = marks.appendChild(document.createElementNS(SVG, each));
      made.setAttribute("class", shade);
      return made;
    });
    this.lines = twice("path");
    this.circles = interactive ? twice("circle") : [];
    this.frame.append(marks);
    const ruler = element("div", container, { class: "ruler", "aria-hidden": "true" });
    element("span", ruler).textContent = "0";
    element("span", ruler).textContent = "x";
    this.side = element("span", ruler);
    const bar = element("div", container, { class: "bar", "aria-hidden": "true" });
    this.bar = element("canvas", bar, { width: 256, height: 1 });
    const ticks = element("div", bar, { class: "ticks" });
    [this.low, this.middle, this.high] = ["", "name", ""].map((each) => element("span", ticks, { class: each }));
  }

  // Draw a field: its colours, the factor to the unit that is shown, and that unit. What is shown
  // already is not painted again; a field that changes is therefore another array.
  draw(field, colours, factor, unit, side) {
    this.frame.classList.remove("empty", "old");
    const { map, low, high, clipped } = colours;
    const now = { field, map, low, high, factor, unit, side };
    const before = this.shown;
    if (Object.keys(now).every((key) => now[key] === before[key])) return;
    this.shown = now;
    this.paint(this.canvas, this.n, this.n, field, colours);
    if (map !== before.map) this.paint(this.bar, 1, 256, Float32Array.from({ length: 256 }, (_, each) => each), { map, low: 0, high: 255 });
    const digits = map === "difference" ? 2 : 3;
    write(this.low, shown(low * factor, digits));
    write(this.high, `${clipped ? "≥ " : ""}${shown(high * factor, digits)}`);
    write(this.middle, unit);
    write(this.side, side);
    clearTimeout(this.describing);
    this.describing = setTimeout(() => this.describe(), DESCRIBED);
  }

  describe() {
    const { field, factor, unit } = this.shown;
    const [low, high] = range(field);
    this.canvas.setAttribute("aria-label", `${this.name}, from ${shown(low * factor)} to ${shown(high * factor)} ${unit}`);
  }

  // Paint a field, y upwards.
  paint(canvas, height, width, field, { map, low, high }) {
    const colours = this.colourMaps[map];
    const pen = canvas.getContext("2d");
    const image = (canvas.image ??= pen.createImageData(width, height));
    const pixels = (canvas.pixels ??= new Uint32Array(image.data.buffer));
    const scale = high > low ? 255 / (high - low) : 0;
    for (let row = 0, at = 0; row < height; row++) {
      const start = (height - 1 - row) * width;
      for (let column = 0; column < width; column++) {
        pixels[at++] = colours[Math.max(0, Math.min(255, Math.round((field[start + column] - low) * scale)))];
      }
    }
    pen.putImageData(image, 0, 0);
  }

  empty(text) {
    if (this.shown.empty === text) return;
    this.shown = { empty: text };
    clearTimeout(this.describing);
    this.frame.classList.remove("old");
    this.frame.classList.add("empty");
    this.frame.dataset.empty = text;
    this.canvas.setAttribute("aria-label", `${this.name}: ${text}`);
    for (const each of [this.low, this.middle, this.high]) each.textContent = "";
    this.bar.getContext("2d").clearRect(0, 0, 256, 1);
  }

  // Mark that what is shown belongs to an older drawing.
  age() {
    this.frame.classList.add("old");
  }

  // Whether what is shown will be replaced by an answer that is on its way.
  busy(waiting) {
    this.frame.setAttribute("aria-busy", String(Boolean(waiting)));
  }

  // Lines through a point in fractions of the side, y upwards, and the brush around it.
  mark({ x, y }, radius) {
    for (const line of this.lines) line.setAttribute("d", `M0 ${1 - y}H1M${x} 0V1`);
    for (const circle of this.circles) for (const [key, value] of [["cx", x], ["cy", 1 - y], ["r", radius]]) circle.setAttribute(key, value);
  }
}

// Fit the pixels of a canvas to its size on the page, now and whenever that changes.
export function keepFitted(canvas, fitted) {
  new ResizeObserver(([{ contentRect: { width, height } }]) => {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    fitted();
  }).observe(canvas);
}

// Colours of the style sheet by name, kept until the theme changes.
const inks = new Map();

export function forgetInks() {
  inks.clear();
}

function ink(name) {
  if (!inks.has(name)) inks.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return inks.get(name);
}

const PLOT = { left: 46, right: 54, top: 10, bottom: 32 };

function begin(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.width / ratio, canvas.height / ratio];
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "11px system-ui, sans-serif";
  pen.lineJoin = "round";
  const inner = { x: PLOT.left, y: PLOT.top, width: width - PLOT.left - PLOT.right, height: height - PLOT.top - PLOT.bottom };
  return { pen, inner };
}

// Four or so round numbers between two others.
export function ticks(low, high) {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9 * step; value += step) found.push(Math.abs(value) < 1e-9 * step ? 0 : value);
  return found;
}

function axis({ pen, inner }, scale, onTheRight, title) {
  pen.fillStyle = ink("soft");
  pen.textBaseline = "middle";
  pen.textAlign = onTheRight ? "left" : "right";
  const x = onTheRight ? inner.x + inner.width + 5 : inner.x - 5;
  for (const value of ticks(scale.low, scale.high)) pen.fillText(shown(value), x, scale.at(value));
  pen.save();
  pen.translate(onTheRight ? inner.x + inner.width + 46 : 7, inner.y + inner.height / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillText(title, 0, 0);
  pen.restore();
}

function vertical(inner, lines) {
  const ranges = lines.map((line) => range(line.values));
  const [low, high] = [Math.min(...ranges.map((each) => each[0])), Math.max(...ranges.map((each) => each[1]))];
  const margin = 0.05 * (high - low) || 1;
  const ends = { low: low - (low === 0 ? 0 : margin), high: high + margin };
  return { ...ends, at: (value) => inner.y + inner.height * (1 - (value - ends.low) / (ends.high - ends.low)) };
}

function strokeLine({ pen }, scale, line, at) {
  pen.strokeStyle = ink(line.colour);
  pen.setLineDash(line.dashed ? [5, 4] : []);
  pen.lineWidth = 2;
  pen.beginPath();
  line.values.forEach((value, index) => pen.lineTo(at(index, line.values.length), scale.at(value)));
  pen.stroke();
  pen.setLineDash([]);
}

function box({ pen, inner }) {
  pen.strokeStyle = ink("line");
  pen.lineWidth = 1;
  pen.strokeRect(inner.x, inner.y, inner.width, inner.height);
}

// Lines over one coordinate: those on the left axis, those on the right, a mark at the pointer.
export function plotCut(canvas, { left, right, side, coordinate, mark, titles }) {
  const plot = begin(canvas);
  const { pen, inner } = plot;
  const at = (index, count) => inner.x + (inner.width * (index + 0.5)) / count;
  box(plot);
  pen.fillStyle = ink("soft");
  pen.textAlign = "center";
  for (const value of ticks(0, side)) pen.fillText(shown(value), inner.x + (inner.width * value) / side, inner.y + inner.height + 13);
  pen.fillText(coordinate, inner.x + inner.width / 2, inner.y + inner.height + 27);
  pen.strokeStyle = ink("line");
  pen.beginPath();
  pen.moveTo(inner.x + inner.width * mark, inner.y);
  pen.lineTo(inner.x + inner.width * mark, inner.y + inner.height);
  pen.stroke();
  for (const [lines, onTheRight, title] of [[left, false, titles[0]], [right, true, titles[1]]]) {
    if (!lines.length) continue;
    const scale = vertical(inner, lines);
    axis(plot, scale, onTheRight, title);
    for (const line of lines) strokeLine(plot, scale, line, at);
  }
}

// Residuals of a search on a logarithmic scale, the best so far on top, and the tolerance.
export function plotResiduals(canvas, residuals, tolerance) {
  const plot = begin(canvas);
  const { pen, inner } = plot;
  box(plot);
  const known = residuals.filter((each) => each > 0);
  if (!known.length) return;
  const [low, high] = range([...known, tolerance].map(Math.log10));
  const bottom = Math.floor(low - 0.05);
  const top = Math.ceil(high + 0.05);
  const y = (value) => inner.y + inner.height * (1 - (Math.log10(value) - bottom) / (top - bottom));
  const x = (index) => inner.x + (inner.width * index) / Math.max(residuals.length - 1, 1);
  pen.fillStyle = ink("soft");
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (let power = bottom; power <= top; power++) pen.fillText(shown(10 ** power), inner.x - 5, y(10 ** power));
  pen.textAlign = "center";
  for (const value of ticks(0, Math.max(residuals.length - 1, 1))) if (Number.isInteger(value)) pen.fillText(value, x(value), inner.y + inner.height + 13);
  pen.fillText("exact solutions: ∫|Δn| / N of each, best so far; dashed: tolerance", inner.x + inner.width / 2, inner.y + inner.height + 27);
  let best = Infinity;
  pen.fillStyle = ink("accent");
  residuals.forEach((each, index) => each > 0 && pen.fillRect(x(index) - 2, y(each) - 2, 4, 4));
  pen.strokeStyle = ink("accent");
  pen.lineWidth = 2;
  pen.beginPath();
  residuals.forEach((each, index) => {
    if (each > 0) best = Math.min(best, each);
    if (Number.isFinite(best)) pen.lineTo(x(index), y(best));
  });
  pen.stroke();
  pen.strokeStyle = ink("second");
  pen.setLineDash([5, 4]);
  pen.beginPath();
  pen.moveTo(inner.x, y(tolerance));
  pen.lineTo(inner.x + inner.width, y(tolerance));
  pen.stroke();
}
