// Fields as pictures with colour bars, cuts and residuals as plots.

import { shown } from "./units.js";

const SVG = "http://www.w3.org/2000/svg";
// A quantity whose negative part is smaller than this share of its positive part counts as positive.
const NEGLIGIBLE = 0.05;

function element(name, parent, attributes = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
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

// Share of the pixels of a potential that keep apart in colour: electrons are where it is low.
const LOWER = 0.8;

// The colours of a potential, as the figures of the report choose them, up to its upper part.
export function potentialColours(field) {
  const [low, top] = range(field);
  const high = Float32Array.from(field).sort()[Math.floor(LOWER * (field.length - 1))];
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

export class FieldView {
  constructor(container, nPixels, colourMaps, name, interactive) {
    this.n = nPixels;
    this.colourMaps = colourMaps;
    this.name = name;
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
    [this.lineX, this.lineY, this.circle] = ["line", "line", "circle"].map((each) => marks.appendChild(document.createElementNS(SVG, each)));
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

  // Draw a field: its colours, the factor to the unit that is shown, and that unit.
  draw(field, colours, factor, unit, side) {
    this.frame.classList.remove("empty", "old");
    this.paint(this.canvas, this.n, this.n, (row, column) => field[(this.n - 1 - row) * this.n + column], colours);
    this.paint(this.bar, 1, 256, (_, column) => colours.low + ((colours.high - colours.low) * column) / 255, colours);
    this.low.textContent = shown(colours.low * factor);
    this.high.textContent = `${colours.clipped ? "≥ " : ""}${shown(colours.high * factor)}`;
    this.middle.textContent = unit;
    this.side.textContent = side;
    const [low, high] = range(field);
    this.canvas.setAttribute("aria-label", `${this.name}, from ${shown(low * factor)} to ${shown(high * factor)} ${unit}`);
  }

  paint(canvas, height, width, value, { map, low, high }) {
    const colours = this.colourMaps[map];
    const image = new ImageData(width, height);
    const scale = high > low ? 255 / (high - low) : 0;
    for (let row = 0, at = 0; row < height; row++) {
      for (let column = 0; column < width; column++, at += 4) {
        const index = 3 * Math.max(0, Math.min(255, Math.round((value(row, column) - low) * scale)));
        image.data[at] = colours[index];
        image.data[at + 1] = colours[index + 1];
        image.data[at + 2] = colours[index + 2];
        image.data[at + 3] = 255;
      }
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  empty(text) {
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
  mark(point, radius) {
    const set = (node, values) => Object.entries(values).forEach(([key, value]) => node.setAttribute(key, value));
    set(this.lineX, { x1: 0, x2: 1, y1: 1 - point.y, y2: 1 - point.y });
    set(this.lineY, { y1: 0, y2: 1, x1: point.x, x2: point.x });
    set(this.circle, { cx: point.x, cy: 1 - point.y, r: radius });
  }
}

const PLOT = { left: 46, right: 54, top: 10, bottom: 32 };

function begin(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  pen.font = "11px system-ui, sans-serif";
  pen.lineJoin = "round";
  const inner = { x: PLOT.left, y: PLOT.top, width: width - PLOT.left - PLOT.right, height: height - PLOT.top - PLOT.bottom };
  return { pen, inner, colour };
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

function axis({ pen, inner, colour }, scale, onTheRight, title) {
  pen.fillStyle = colour("soft");
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
  const [low, high] = range(lines.flatMap((line) => [...line.values]));
  const margin = 0.05 * (high - low) || 1;
  const ends = { low: low - (low === 0 ? 0 : margin), high: high + margin };
  return { ...ends, at: (value) => inner.y + inner.height * (1 - (value - ends.low) / (ends.high - ends.low)) };
}

function strokeLine({ pen, inner, colour }, scale, line, at) {
  pen.strokeStyle = colour(line.colour);
  pen.setLineDash(line.dashed ? [5, 4] : []);
  pen.lineWidth = 2;
  pen.beginPath();
  line.values.forEach((value, index) => pen.lineTo(at(index, line.values.length), scale.at(value)));
  pen.stroke();
  pen.setLineDash([]);
}

function box({ pen, inner, colour }) {
  pen.strokeStyle = colour("line");
  pen.lineWidth = 1;
  pen.strokeRect(inner.x, inner.y, inner.width, inner.height);
}

// Lines over one coordinate: those on the left axis, those on the right, a mark at the pointer.
export function plotCut(canvas, { left, right, side, coordinate, mark, titles }) {
  const plot = begin(canvas);
  const { pen, inner, colour } = plot;
  const at = (index, count) => inner.x + (inner.width * (index + 0.5)) / count;
  box(plot);
  pen.fillStyle = colour("soft");
  pen.textAlign = "center";
  for (const value of ticks(0, side)) pen.fillText(shown(value), inner.x + (inner.width * value) / side, inner.y + inner.height + 10);
  pen.fillText(coordinate, inner.x + inner.width / 2, inner.y + inner.height + 25);
  pen.strokeStyle = colour("line");
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
  const { pen, inner, colour } = plot;
  box(plot);
  const known = residuals.filter((each) => each > 0);
  if (!known.length) return;
  const [low, high] = range([...known, tolerance].map(Math.log10));
  const bottom = Math.floor(low - 0.05);
  const top = Math.ceil(high + 0.05);
  const y = (value) => inner.y + inner.height * (1 - (Math.log10(value) - bottom) / (top - bottom));
  const x = (index) => inner.x + (inner.width * index) / Math.max(residuals.length - 1, 1);
  pen.fillStyle = colour("soft");
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (let power = bottom; power <= top; power++) pen.fillText(shown(10 ** power), inner.x - 5, y(10 ** power));
  pen.textAlign = "center";
  for (const value of ticks(0, Math.max(residuals.length - 1, 1))) if (Number.isInteger(value)) pen.fillText(value, x(value), inner.y + inner.height + 10);
  pen.fillText("exact solutions: ∫|Δn| / N of each, best so far; dashed: tolerance", inner.x + inner.width / 2, inner.y + inner.height + 25);
  let best = Infinity;
  pen.fillStyle = colour("line");
  residuals.forEach((each, index) => each > 0 && pen.fillRect(x(index) - 1.5, y(each) - 1.5, 3, 3));
  pen.strokeStyle = colour("accent");
  pen.lineWidth = 2;
  pen.beginPath();
  residuals.forEach((each, index) => {
    if (each > 0) best = Math.min(best, each);
    if (Number.isFinite(best)) pen.lineTo(x(index), y(best));
  });
  pen.stroke();
  pen.strokeStyle = colour("second");
  pen.setLineDash([5, 4]);
  pen.beginPath();
  pen.moveTo(inner.x, y(tolerance));
  pen.lineTo(inner.x + inner.width, y(tolerance));
  pen.stroke();
}
