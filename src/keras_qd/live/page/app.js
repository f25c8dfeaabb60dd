// The page: what is drawn, what was answered, and how both are shown.

import { History } from "./brush.js";
import { connectControls } from "./controls.js";
import { Link } from "./link.js";
import { attach, follow } from "./pointer.js";
import { PRESETS } from "./presets.js";
import { Units, shown, withError } from "./units.js";
import { FieldView, differenceColours, keepFitted, palette, plotCut, plotResiduals, potentialColours, range, write } from "./view.js";

// Milliseconds without a change after which the pen rests.
const REST = 250;

// Names of 2 S + 1.
const SPINS = { 1: "singlet", 2: "doublet", 3: "triplet", 4: "quartet", 5: "quintet" };

// What is known of S², which for a level is S (S + 1) without error.
const CERTAINTY = {
  exact: (name) => `${name}, exact by symmetry`,
  undecided: (name) => `${name}, unless the levels are in another order`,
  mixed: () => "mean over degenerate spins",
};

// Symbols and names of the energies that a model may predict.
const NUMBERS = [["E", "energy"], ["μ", "mu"], ["J", "exchange"]];

const $ = (id) => document.getElementById(id);

class Page {
  constructor(settings, shares) {
    this.settings = settings;
    this.nPixels = settings.n_pixels;
    this.shares = shares;
    this.mode = "forward";
    this.units = new Units(null);
    this.system = { n_electrons: settings.mode === "static" ? settings.model?.n_electrons ?? 1 : 2, length: 10, strength: 1, interaction: { interaction: "coulomb" } };
    this.tolerance = 0.01;
    this.point = { x: 0.5, y: 0.5 };
    this.drawn = PRESETS.parabola(this.nPixels, this.system.length);
    this.charge = new Float32Array(this.nPixels ** 2);
    this.voltages = settings.gates.map(() => 0);
    this.histories = { forward: new History(), reverse: new History() };
    this.id = 0;
    this.answers = {};
    this.planned = new Set();
    const palettes = Object.fromEntries(Object.entries(settings.colours).map(([name, values]) => [name, palette(values)]));
    const view = (id, name, interactive) => new FieldView($(`field-${id}`), this.nPixels, palettes, name, interactive);
    this.views = {
      drawing: view("drawing", "Drawing", true),
      exact: view("exact", "Exact density"),
      model: view("model", "Prediction"),
      difference: view("difference", "Difference"),
    };
    attach(this.views.drawing.canvas, this);
    for (const name of ["exact", "model", "difference"]) follow(this.views[name].canvas, this);
    for (const [id, part] of [["cut-x", "cuts"], ["cut-y", "cuts"], ["residuals", "results"]]) keepFitted($(id), () => this.plan(part));
  }

  async start() {
    const Way = this.settings.mode === "static" ? (await import("./local.js")).Local : Link;
    connectControls(this);
    this.link = new Way(this.nPixels, (message) => this.take(message), (on) => this.connected(on), this.settings);
    this.redraw();
  }

  get forward() {
    return this.mode === "forward";
  }

  // What the brush changes.
  field() {
    return this.forward ? this.drawn : this.charge;
  }

  brush() {
    const tool = document.querySelector("input[name=tool]:checked").value;
    const depth = Number($("depth").value);
    const value = { well: -depth, hill: depth, charge: 1, erase: 0 }[tool];
    return { tool, value, size: Number($("size").value), smoothness: Number($("smoothness").value) };
  }

  choose(tool) {
    const input = document.querySelector(`input[name=tool][value=${tool}]`);
    if (input.closest("label").hidden) return;
    input.checked = true;
  }

  resize(direction) {
    if (direction > 0) $("size").stepUp();
    else $("size").stepDown();
    $("size").dispatchEvent(new Event("input"));
  }

  // The drawing and the gates together, in Ha*: one array until either changes.
  potential() {
    if (this.total) return this.total;
    const total = this.drawn.slice();
    this.voltages.forEach((voltage, gate) => {
      if (!voltage) return;
      const share = this.shares[gate];
      for (let at = 0; at < total.length; at++) total[at] -= voltage * share[at];
    });
    return (this.total = total);
  }

  snapshot() {
    return this.forward ? { drawn: this.drawn.slice(), voltages: [...this.voltages] } : { charge: this.charge.slice() };
  }

  keep() {
    this.histories[this.mode].keep(this.snapshot());
    this.showHistory();
  }

  travel(direction) {
    const found = this.histories[this.mode][direction](this.snapshot());
    if (!found) return;
    Object.assign(this, found);
    this.showHistory();
    this.showVoltages?.();
    this.changed();
  }

  showHistory() {
    $("undo").disabled = !this.histories[this.mode].past.length;
    $("redo").disabled = !this.histories[this.mode].future.length;
  }

  // Put a whole new field in place of the drawing.
  replace(field) {
    this.keep();
    if (this.forward) {
      this.drawn = field;
      this.voltages = this.voltages.map(() => 0);
      this.showVoltages?.();
    } else this.charge = field.map((value) => Math.max(value, 0));
    this.changed();
  }

  // The drawing or the system has changed: ask and show it at the next frame.
  changed() {
    this.id += 1;
    this.total = null;
    this.views.exact.busy(true);
    this.views.drawing.frame.dataset.id = this.id;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), REST);
    this.plan("ask", "drawing");
  }

  rest() {
    this.ask(true);
    this.plan("cuts");
  }

  // Show parts of the page at the next frame: drawing, results, marks, cuts; ask for answers first.
  plan(...parts) {
    for (const part of parts) this.planned.add(part);
    this.frame ??= requestAnimationFrame(() => this.render());
  }

  render() {
    const parts = this.planned;
    [this.planned, this.frame] = [new Set(), null];
    if (parts.has("ask")) this.ask(false);
    if (parts.has("drawing")) this.showDrawing();
    if (parts.has("results")) this.showResults();
    if (parts.has("marks")) this.views.drawing.mark(this.point, Number($("size").value));
    // While the pen moves only the drawing is painted; the cuts come with the answers.
    if (parts.has("results") || (parts.has("cuts") && !parts.has("ask"))) this.showCuts();
  }

  ask(resting) {
    if (!this.forward || !this.link) return;
    const header = { id: this.id, ...this.system };
    const potential = this.potential();
    const { exact } = this.answers;
    if (!resting && this.system.n_electrons < 3) this.link.request("draft", header, potential);
    if (resting && (exact?.id !== this.id || exact.draft)) this.link.request("solve", header, potential);
    if (!resting) this.link.request("predict", header, potential);
    if (this.answers.exact && this.system.n_electrons > 2) this.views.exact.age();
  }

  search() {
    this.id += 1;
    this.answers = {};
    this.link.request("invert", { id: this.id, ...this.system, tolerance: this.tolerance }, this.charge);
    write($("search-caption"), "searching …");
  }

  stop() {
    this.link.request("stop", { id: this.id });
    $("search-caption").textContent += " Stopped.";
  }

  connected(on) {
    this.online = on;
    this.showStatus();
    if (on) this.changed();
  }

  take(message) {
    const take = this[`take_${message.event}`];
    if (take) take.call(this, message);
  }

  take_exact(message) {
    if (message.id < (this.answers.exact?.id ?? 0) || !this.forward) return;
    // The full answer may follow a draft of the same drawing, not the other way round.
    const before = this.answers.exact?.id === message.id ? this.answers.exact : null;
    if (before && message.draft && !before.draft) return;
    // Until that of the full solution is there, the chemical potential of the draft stays.
    if (before && message.mu === undefined) Object.assign(message, { mu: before.mu, mu_error: before.mu_error });
    [message.density] = message.fields;
    this.answers.exact = message;
    this.ended();
    this.plan("results");
  }

  take_mu(message) {
    const exact = this.answers.exact;
    this.ended();
    if (message.id !== exact?.id) return;
    Object.assign(exact, { mu: message.mu, mu_error: message.mu_error, whole: true });
    this.plan("results");
  }

  take_prediction(message) {
    if (message.id < (this.answers.prediction?.id ?? 0) || !this.forward) return;
    [message.density] = message.fields;
    this.answers.prediction = message;
    this.plan("results");
  }

  take_progress(message) {
    this.ended();
    const begun = performance.now();
    const show = () => {
      write($("exact-caption"), `${message.text}, step ${message.step} of ${message.steps} … ${shown((performance.now() - begun) / 1000, 2)} s`);
    };
    show();
    this.clock = setInterval(show, 100);
  }

  ended() {
    clearInterval(this.clock);
  }

  take_sample(message) {
    this.replace(message.fields[0].slice());
  }

  take_target(message) {
    if (message.id !== this.id || this.forward) return;
    [this.answers.target] = message.fields;
    this.redraw();
  }

  take_iteration(message) {
    if (message.id !== this.id || this.forward) return;
    [message.potential, message.density] = message.fields;
    this.answers.iteration = message;
    this.plan("results");
  }

  take_error(message) {
    this.ended();
    if (message.id < this.id && this.forward) return;
    for (const name of this.forward ? ["exact"] : ["exact", "model"]) this.views[name].age();
    this.notice(message.message);
    write($(this.forward ? "exact-caption" : "search-caption"), "no solution");
  }

  take_refused(message) {
    this.notice(`The server refused a request: ${message.message}`);
  }

  take_restarted(message) {
    this.ended();
    this.notice(message.message);
    this.changed();
  }

  notice(text) {
    $("notice").textContent = text;
    $("notice").hidden = !text;
    clearTimeout(this.forget);
    this.forget = setTimeout(() => ($("notice").hidden = true), 12000);
  }

  showStatus() {
    write($("status"), this.online ? this.settings.status ?? "connected" : "not connected; trying again");
  }

  side() {
    return `${shown(this.system.length * this.units.lengthFactor)} ${this.units.length}`;
  }

  redraw() {
    this.plan("drawing", "results", "marks");
  }

  showDrawing() {
    const { units, views } = this;
    if (this.forward) {
      const potential = this.potential();
      views.drawing.draw(potential, potentialColours(potential), units.energyFactor, `V (${units.energy})`, this.side());
    } else {
      const colours = { map: "field", low: 0, high: Math.max(range(this.charge)[1], 1) };
      views.drawing.draw(this.charge.slice(), colours, 1, "drawn charge, without unit", this.side());
    }
  }

  showResults() {
    if (this.forward) this.showForward();
    else this.showReverse();
    this.showNumbers();
  }

  draw(view, field, colours, name = "n") {
    const { density, densityFactor } = this.units;
    view.draw(field, colours, densityFactor, `${name} (${density})`, this.side());
  }

  showForward() {
    const { exact, prediction } = this.answers;
    const { exact: exactView, model, difference } = this.views;
    exactView.frame.dataset.id = exact?.id;
    model.frame.dataset.id = prediction?.id;
    exactView.busy(exact?.id !== this.id || !(exact.whole || exact.unavailable));
    const densities = [exact?.density, prediction?.density].filter(Boolean);
    const high = Math.max(...densities.map((each) => range(each)[1]));
    const colours = { map: "field", low: 0, high };
    if (exact?.unavailable) {
      exactView.empty(exact.unavailable);
      write($("exact-caption"), "");
    } else if (exact) {
      this.draw(exactView, exact.density, colours);
      write($("exact-caption"), `${exact.draft ? "while drawing" : "exact"}: to ${shown(100 * exact.density_error, 2)} % of the charge`);
      if (exact.id < this.id && this.system.n_electrons > 2) exactView.age();
    } else exactView.empty("solving …");
    if (prediction?.density) {
      this.draw(model, prediction.density, colours);
      write($("model-caption"), this.predicted(prediction));
    } else {
      model.empty(prediction?.reason ?? "loading the model …");
      write($("model-caption"), "");
    }
    this.showDifference(difference, exact, prediction);
  }

  predicted(prediction) {
    const { integral, familiar } = prediction;
    const { energyFactor, energy } = this.units;
    const found = NUMBERS.filter(([, name]) => prediction[name] !== null).map(([symbol, name]) => `${symbol} = ${shown(prediction[name] * energyFactor)}`);
    const numbers = found.length ? `${found.join(", ")} ${energy}` : `${shown(integral, 5)} electrons`;
    return familiar ? numbers : `${numbers}; unlike the potentials of the training`;
  }

  showDifference(view, exact, prediction) {
    if (!exact?.density || !prediction?.density) {
      view.empty("needs both densities");
      write($("difference-caption"), "");
    } else if (exact.id === prediction.id) {
      const difference = this.difference(prediction.density, exact.density);
      this.draw(view, difference, differenceColours(difference), "Δn");
      const misplaced = this.misplaced(difference) / exact.n_electrons;
      const { energyFactor, energy } = this.units;
      const errors = NUMBERS
        .filter(([, name]) => Number.isFinite(prediction[name]) && Number.isFinite(exact[name]) && prediction[name] !== null)
        .map(([symbol, name]) => `Δ${symbol} = ${shown((prediction[name] - exact[name]) * energyFactor, 2)}`);
      const energies = errors.length ? `; ${errors.join(", ")} ${energy}` : "";
      write($("difference-caption"), `misplaced: ${shown(100 * misplaced, 3)} % of the charge${energies}`);
    } else view.age();
  }

  // The difference of two densities: one array until either changes.
  difference(first, second) {
    const known = this.known;
    if (known?.first === first && known.second === second) return known.difference;
    this.known = { first, second, difference: first.map((value, at) => value - second[at]) };
    return this.known.difference;
  }

  // Half the integral of the magnitude: the electrons that would have to move.
  misplaced(difference) {
    const area = (this.system.length / this.nPixels) ** 2;
    return 0.5 * area * difference.reduce((sum, value) => sum + Math.abs(value), 0);
  }

  showReverse() {
    const { target, iteration } = this.answers;
    const { exact, model, difference } = this.views;
    for (const view of [exact, model, difference]) view.empty(target ? "searching …" : "draw charge, then find the potential");
    for (const id of ["exact-caption", "model-caption", "difference-caption"]) write($(id), "");
    if (!iteration) return;
    const { energyFactor, energy } = this.units;
    model.draw(iteration.potential, potentialColours(iteration.potential), energyFactor, `V (${energy})`, this.side());
    this.draw(exact, iteration.density, { map: "field", low: 0, high: Math.max(range(iteration.density)[1], range(target)[1]) });
    const rest = this.difference(iteration.density, target);
    this.draw(difference, rest, differenceColours(rest), "Δn");
    write($("model-caption"), iteration.ended ? `mean 0; determined on ${shown(100 * iteration.determined, 2)} % of the box` : "mean 0; the nearest so far");
    write($("exact-caption"), `solved exactly in this potential`);
    write($("difference-caption"), `∫|Δn| / N = ${shown(iteration.residual)}, misplaced ${shown(50 * iteration.residual)} %`);
    const count = iteration.residuals.length;
    const state = iteration.ended ? (iteration.converged ? "Proved: " : "Ended: ") + iteration.explanation : "searching …";
    write($("search-caption"), `${count} exact solution${count === 1 ? "" : "s"} in ${shown(iteration.seconds, 2)} s. ${state}`);
    plotResiduals($("residuals"), iteration.residuals, this.tolerance);
  }

  showNumbers() {
    const found = (this.forward ? this.answers.exact : this.answers.iteration) ?? {};
    const factor = this.units.energyFactor;
    for (const name of ["energy", "mu", "exchange", "gap"]) {
      const [value, error] = [found[name], found[`${name}_error`]].map((each) => (each === null || each === undefined ? null : each * factor));
      write($(name), withError(value, error));
      write($(`${name}-error`), error ? `error ${shown(error, 1)}` : name === "exchange" && value === null && found.energy ? "of two electrons and more" : "");
    }
    for (const unit of document.querySelectorAll("[data-energy]")) write(unit, this.units.energy);
    for (const unit of document.querySelectorAll("[data-length]")) write(unit, this.units.length);
    write($("spin"), shown(found.spin_squared === undefined ? null : Math.round(1e6 * found.spin_squared) / 1e6));
    write($("spin-words"), found.spin ? CERTAINTY[found.spin](SPINS[Math.round(Math.sqrt(1 + 4 * Math.max(found.spin_squared, 0)))]) : "");
    write($("integral"), found.integral ? found.integral.toFixed(5) : "–");
    write($("density-error"), found.density_error ? `${shown(100 * found.density_error, 1)} %` : "–");
    write($("exact-time"), found.seconds ? shown(1e3 * found.seconds, 3) : "–");
    write($("model-time"), this.answers.prediction?.seconds ? shown(1e3 * this.answers.prediction.seconds, 3) : "–");
    write($("undecided"), found.undecided ?? "");
    $("undecided").hidden = !found.undecided;
  }

  // Move the cursor; `aloud` for the keyboard, whose user may hear the values.
  pointAt(point, aloud = false) {
    this.point = point;
    this.aloud = aloud;
    this.plan("marks", "cuts");
  }

  showCuts() {
    const { units, nPixels: n, point, views } = this;
    for (const view of [views.exact, views.model, views.difference]) view.mark(point);
    const index = (value) => Math.max(0, Math.min(n - 1, Math.floor(value * n)));
    const [row, column] = [index(point.y), index(point.x)];
    const across = (field, factor) => Float64Array.from({ length: n }, (_, each) => field[row * n + each] * factor);
    const along = (field, factor) => Float64Array.from({ length: n }, (_, each) => field[each * n + column] * factor);
    const { exact, prediction, target, iteration } = this.answers;
    const potential = this.forward ? this.potential() : iteration?.potential;
    const densities = this.forward ? [exact?.density, prediction?.density] : [iteration?.density, target];
    const side = this.system.length * units.lengthFactor;
    for (const [id, cut, coordinate, mark] of [["cut-x", across, "x", point.x], ["cut-y", along, "y", point.y]]) {
      const line = (field, factor, colour, dashed) => (field ? [{ values: cut(field, factor), colour, dashed }] : []);
      plotCut($(id), {
        left: line(potential, units.energyFactor, "soft"),
        right: [...line(densities[0], units.densityFactor, "accent"), ...line(densities[1], units.densityFactor, "second", true)],
        side,
        coordinate: `${coordinate} (${units.length})`,
        mark,
        titles: [`V (${units.energy})`, `n (${units.density})`],
      });
    }
    const at = row * n + column;
    const values = [
      `x = ${shown(point.x * side)}, y = ${shown(point.y * side)} ${units.length}`,
      potential && `V = ${shown(potential[at] * units.energyFactor)} ${units.energy}`,
      densities[0] && `n = ${shown(densities[0][at] * units.densityFactor)} ${units.density}`,
      densities[1] && `${this.forward ? "predicted" : "target"} ${shown(densities[1][at] * units.densityFactor)}`,
    ];
    $("cuts-caption").setAttribute("aria-live", this.aloud ? "polite" : "off");
    write($("cuts-caption"), values.filter(Boolean).join("; "));
  }
}

async function main() {
  const settings = await (await fetch("settings.json")).json();
  const values = new Float32Array(await (await fetch("gates.bin")).arrayBuffer());
  const size = settings.n_pixels ** 2;
  const shares = settings.gates.map((_, gate) => values.subarray(gate * size, (gate + 1) * size));
  await new Page(settings, shares).start();
}

main();
