// Drawing with mouse, pen, finger and keyboard on the one field that is drawn on.

import { Stroke } from "./brush.js";

const TOOL_KEYS = { w: "well", h: "hill", e: "erase", c: "charge" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// `page` has: nPixels, field() and brush() to draw with, keep() before a change, changed() after it,
// point and pointAt() for the cursor, choose(tool) and resize(factor) for the brush.
export function attach(canvas, page) {
  let stroke = null;
  const position = (event) => {
    const frame = canvas.getBoundingClientRect();
    const inside = (value) => Math.max(0, Math.min(1, value));
    return { x: inside((event.clientX - frame.left) / frame.width), y: inside(1 - (event.clientY - frame.top) / frame.height) };
  };

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    page.keep();
    stroke = new Stroke(page.field(), page.nPixels, page.brush());
    draw(position(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!stroke) return page.pointAt(position(event));
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) draw(position(each));
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (stroke = null));

  function draw(point) {
    stroke.to(point.x, point.y);
    page.pointAt(point);
    page.changed();
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) {
      const step = (event.shiftKey ? 8 : 1) / page.nPixels;
      const inside = (value) => Math.max(0.5 / page.nPixels, Math.min(1 - 0.5 / page.nPixels, value));
      page.pointAt({ x: inside(page.point.x + step * arrow[0]), y: inside(page.point.y + step * arrow[1]) }, true);
    } else if (event.key === " " || event.key === "Enter") {
      page.keep();
      new Stroke(page.field(), page.nPixels, page.brush()).to(page.point.x, page.point.y);
      page.changed();
    } else if (TOOL_KEYS[event.key.toLowerCase()]) page.choose(TOOL_KEYS[event.key.toLowerCase()]);
    else if (event.key === "[" || event.key === "]") page.resize(event.key === "[" ? -1 : 1);
    else return;
    event.preventDefault();
  });
}

// Let the pointer over a field of results move the cuts.
export function follow(canvas, page) {
  canvas.addEventListener("pointermove", (event) => {
    const frame = canvas.getBoundingClientRect();
    page.pointAt({ x: (event.clientX - frame.left) / frame.width, y: 1 - (event.clientY - frame.top) / frame.height });
  });
}
