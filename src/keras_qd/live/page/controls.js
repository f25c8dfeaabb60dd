// The inputs beside the drawing.

import { readField, writtenField } from "./files.js";
import { PRESETS } from "./presets.js";
import { Units, shown } from "./units.js";
import { forgetInks } from "./view.js";

const $ = (id) => document.getElementById(id);

function options(select, entries) {
  for (const [value, text] of entries) select.add(new Option(text, value));
}

export function connectControls(page) {
  theme(page);
  modes(page);
  brush(page);
  system(page);
  presets(page);
  gates(page);
  files(page);
  $("undo").onclick = () => page.travel("undo");
  $("redo").onclick = () => page.travel("redo");
  $("clear").onclick = () => page.replace(new Float32Array(page.nPixels ** 2));
  $("search").onclick = () => page.search();
  $("stop").onclick = () => page.stop();
  $("adopt").onclick = () => adopt(page);
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.target.matches("input[type=number]")) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    page.travel(key === "y" || event.shiftKey ? "redo" : "undo");
  });
  page.showHistory();
  $("about").textContent = `keras-qd ${page.settings.version}. Files never leave the browser; nothing is loaded from other hosts.`;
}

function theme(page) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const redraw = () => {
    forgetInks();
    page.redraw();
  };
  $("theme").onclick = () => {
    const now = document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
    redraw();
  };
  dark.addEventListener("change", redraw);
}

function modes(page) {
  for (const input of document.querySelectorAll("input[name=mode]")) input.onchange = () => setMode(page, input.value);
}

function setMode(page, mode) {
  if (page.mode === "reverse" && mode === "forward") page.link.request("stop", { id: page.id });
  document.querySelector(`input[name=mode][value=${mode}]`).checked = true;
  page.mode = mode;
  page.answers = {};
  for (const each of document.querySelectorAll("[data-forward]")) each.hidden = mode !== "forward";
  for (const each of document.querySelectorAll("[data-reverse]")) each.hidden = mode !== "reverse";
  $("search-panel").hidden = mode !== "reverse";
  document.querySelector(`input[name=tool][value=${mode === "forward" ? "well" : "charge"}]`).checked = true;
  const titles = {
    forward: ["Potential", "Exact density", "Prediction", "Prediction − exact", "prediction"],
    reverse: ["Wanted density", "Density found", "Potential found", "Found − wanted", "wanted density"],
  }[mode];
  ["drawing-title", "exact-title", "model-title", "difference-title", "legend-c"].forEach((id, index) => ($(id).textContent = titles[index]));
  page.showHistory();
  page.changed();
}

function adopt(page) {
  const found = page.answers.iteration?.potential;
  if (!found) return page.notice("There is no potential yet: draw charge and find one first.");
  const field = found.slice();
  setMode(page, "forward");
  page.replace(field);
}

function brush(page) {
  const show = () => {
    const { length, lengthFactor, energy, energyFactor } = page.units;
    $("size-shown").textContent = `${shown(Number($("size").value) * page.system.length * lengthFactor)} ${length}`;
    $("depth-shown").textContent = `${shown(Number($("depth").value) * energyFactor)} ${energy}`;
    $("smoothness-shown").textContent = `${Math.round(100 * Number($("smoothness").value))} %`;
    page.pointAt(page.point);
  };
  for (const id of ["size", "depth", "smoothness"]) $(id).oninput = show;
  page.showBrush = show;
  show();
}

function system(page) {
  const { settings } = page;
  options($("electrons"), Array.from({ length: settings.limits.electrons }, (_, index) => [index + 1, index + 1]));
  options($("units"), [["", "a₀*, Ha*"], ...settings.materials.map(({ name }) => [name, `nm, meV (${name})`])]);
  options($("interaction"), settings.interactions.map(({ name, title }) => [name, title]));
  const known = (name) => settings.interactions.find((each) => each.name === name);
  $("electrons").value = page.system.n_electrons;

  const showLengths = () => {
    const { parameter } = known($("interaction").value);
    $("interaction-length-label").hidden = !parameter;
    if (parameter) $("interaction-length").value = Number((page.system.interaction[parameter] * page.units.lengthFactor).toPrecision(6));
    $("box").value = Number((page.system.length * page.units.lengthFactor).toPrecision(6));
    page.showBrush();
  };
  // Take a number within limits; put back the last one in place of any other.
  const take = (input, low, high, set) => {
    const value = Number(input.value);
    if (input.value !== "" && value >= low && value <= high) set(value);
    else page.notice(`${input.labels[0].textContent.trim().replace(/\s+/g, " ")} must be from ${shown(low)} to ${shown(high)}.`);
    showLengths();
    page.changed();
  };
  $("electrons").onchange = () => {
    page.system.n_electrons = Number($("electrons").value);
    page.changed();
  };
  $("units").onchange = () => {
    page.units = new Units(settings.materials.find(({ name }) => name === $("units").value));
    showLengths();
    page.showVoltages();
    page.redraw();
  };
  $("interaction").onchange = () => {
    const { name, parameter, length } = known($("interaction").value);
    page.system.interaction = { interaction: name, ...(parameter ? { [parameter]: length } : {}) };
    showLengths();
    page.changed();
  };
  $("interaction-length").onchange = () => {
    const { parameter } = known($("interaction").value);
    const factor = page.units.lengthFactor;
    take($("interaction-length"), 0.01 * factor, 100 * factor, (value) => (page.system.interaction[parameter] = value / factor));
  };
  $("box").onchange = () => {
    const [low, high] = settings.limits.length.map((each) => each * page.units.lengthFactor);
    take($("box"), low, high, (value) => (page.system.length = value / page.units.lengthFactor));
  };
  $("strength").onchange = () => take($("strength"), 0, settings.limits.strength, (value) => (page.system.strength = value));
  $("tolerance").onchange = () => take($("tolerance"), 1e-4, 0.5, (value) => (page.tolerance = value));
  showLengths();
}

function presets(page) {
  for (const button of document.querySelectorAll("[data-preset]")) {
    button.onclick = () => page.replace(PRESETS[button.dataset.preset](page.nPixels, page.system.length));
  }
  options($("family"), page.settings.families.map((each) => [each, each]));
  $("sample").onclick = () => {
    const seed = Number($("seed").value);
    if (!Number.isInteger(seed) || seed < 0) return page.notice("The seed must be a whole number, 0 or larger.");
    page.link.request("sample", { id: page.id, ...page.system, family: $("family").value, seed });
  };
}

function gates(page) {
  const most = 5;
  const sliders = page.settings.gates.map((name, gate) => {
    const label = document.createElement("label");
    const output = document.createElement("output");
    const input = Object.assign(document.createElement("input"), { type: "range", min: -most, max: most, step: 0.05, value: 0 });
    input.setAttribute("aria-label", `Voltage of the ${name}`);
    label.append(name, output, input);
    $("gates").append(label);
    input.addEventListener("pointerdown", () => page.keep());
    input.addEventListener("keydown", (event) => !event.repeat && event.key.startsWith("Arrow") && page.keep());
    input.oninput = () => {
      page.voltages[gate] = Number(input.value);
      show();
      page.changed();
    };
    return { input, output };
  });
  const show = () =>
    sliders.forEach(({ input, output }, gate) => {
      input.value = page.voltages[gate];
      output.textContent = `${shown(page.voltages[gate] * page.units.energyFactor)} ${page.units.material ? "mV" : "Ha*/e"}`;
    });
  page.showVoltages = show;
  $("ground").onclick = () => {
    page.keep();
    page.voltages = page.voltages.map(() => 0);
    show();
    page.changed();
  };
  show();
}

function files(page) {
  const name = () => (page.forward ? "potential" : "charge");
  $("load").onclick = () => $("file").click();
  $("file").onchange = async () => {
    const [file] = $("file").files;
    if (!file) return;
    try {
      page.replace(await readField(file, page.nPixels, name(), page.forward ? Number($("depth").value) : 1));
    } catch (error) {
      page.notice(`${file.name} cannot be loaded: ${error.message}`);
    }
    $("file").value = "";
  };
  $("save").onchange = async () => {
    const format = $("save").value;
    $("save").value = "";
    if (!format) return;
    const field = page.forward ? page.potential() : page.charge;
    const content = await writtenField(format, field, page.nPixels, name());
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content]));
    link.download = `${name()}.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
}
