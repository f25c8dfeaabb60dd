// A model in ONNX Runtime Web: that of a run, or the pretrained one with its scaling of lengths.

import { product, transposed } from "./matrices.js";

// Sharpness of the soft minimum, and smooth cosines a direction: see keras_qd/weights/models.py.
const [SHARPNESS, SMOOTH] = [2, 16];

export class Model {
  constructor(about, nPixels) {
    Object.assign(this, { about, nPixels });
    this.session = load(about.file);
  }

  // Why the model does not apply to a system, or nothing.
  limits(system) {
    const { about } = this;
    const wrong = [["n_electrons", "N"], ["length", "box side (a0*)"], ["strength", "interaction strength"]]
      .filter(([name]) => about[name] !== null && Math.abs(about[name] - system[name]) > 1e-6 * about[name])
      .map(([name, title]) => `${title} = ${about[name]}`);
    const differs = about.interaction && Object.entries(about.interaction).some(([name, value]) => value !== (system.interaction[name] ?? null));
    if (differs) wrong.push(`interaction = ${about.interaction.interaction}`);
    return wrong.length ? `The model was trained for ${wrong.join(", ")}.` : "";
  }

  // Density, and of the pretrained network energies in Ha* and whether it knows such potentials.
  async predict(system, potential) {
    const found = this.about.scaling ? await this.scaled(system, potential) : await this.plain(potential);
    return { energy: null, mu: null, exchange: null, familiar: true, ...found };
  }

  async plain(potential) {
    const { input, output } = this.about;
    const found = await this.run({ [input]: [potential, [1, this.nPixels, this.nPixels]] });
    return { density: Float32Array.from(found[output].data) };
  }

  // N electrons and one fewer together, in a box of the side that the network was trained for.
  async scaled({ n_electrons: n, length, strength }, potential) {
    const size = this.nPixels ** 2;
    const scale = length / this.about.scaling.box_length;
    const potentials = new Float32Array(2 * size);
    potential.forEach((value, at) => (potentials[at] = potentials[size + at] = value * scale ** 2));
    const found = await this.run({
      potential: [potentials, [2, this.nPixels, this.nPixels]],
      n_electrons: [Float32Array.of(n, Math.max(n - 1, 1)), [2]],
      strength: [Float32Array.of(strength * scale, strength * scale), [2]],
    });
    const density = Float32Array.from(found.density.data.subarray(0, size), (value) => Math.max(value, 0));
    const factor = n / (density.reduce((sum, value) => sum + value, 0) * (length / this.nPixels) ** 2);
    const [energy, fewer] = found.energy.data;
    const numbers = { n_electrons: n, strength: strength * scale, ...features(potentials.subarray(0, size), this.nPixels) };
    return {
      density: density.map((value) => value * factor),
      energy: energy / scale ** 2,
      mu: (energy - (n > 1 ? fewer : 0)) / scale ** 2,
      exchange: n > 1 ? found.exchange.data[0] / scale ** 2 : null,
      familiar: Object.entries(this.about.scaling.limits).every(([name, [low, high]]) => low <= numbers[name] && numbers[name] <= high),
    };
  }

  async run(fields) {
    const { session, Tensor } = await this.session;
    return session.run(Object.fromEntries(Object.entries(fields).map(([name, [values, shape]]) => [name, new Tensor("float32", values, shape)])));
  }
}

// Numbers that say what a potential in Ha* is like.
function features(potential, n) {
  const lowest = potential.reduce((least, value) => Math.min(least, value), Infinity);
  const above = potential.reduce((sum, value) => sum + Math.exp(-SHARPNESS * (value - lowest)), 0) / potential.length;
  const seen = Float64Array.from(potential, (value) => Math.asinh(value - lowest + Math.log(above) / SHARPNESS));
  const mean = seen.reduce((sum, value) => sum + value, 0) / seen.length;
  const around = seen.map((value) => value - mean);
  const total = around.reduce((sum, value) => sum + value * value, 0);
  const cosines = Float64Array.from({ length: SMOOTH * n }, (_, at) => {
    const order = Math.floor(at / n);
    return Math.sqrt((order ? 2 : 1) / n) * Math.cos((Math.PI * order * ((at % n) + 0.5)) / n);
  });
  const spectrum = product(product(cosines, around, SMOOTH, n, n), transposed(cosines, SMOOTH, n), SMOOTH, n, SMOOTH);
  const smooth = spectrum.reduce((sum, value) => sum + value * value, 0);
  return {
    "depth of the lowest pixel": -seen.reduce((least, value) => Math.min(least, value), Infinity),
    "height of the highest pixel": seen.reduce((most, value) => Math.max(most, value), -Infinity),
    spread: Math.sqrt(total / seen.length),
    roughness: Math.log10((total - smooth) / Math.max(total, 1e-30) + 1e-10),
  };
}

async function load(file) {
  const runtime = await import("./ort.wasm.min.mjs");
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmPaths = new URL("./", document.baseURI).href;
  const session = await runtime.InferenceSession.create(file, { executionProviders: ["wasm"] });
  return { session, Tensor: runtime.Tensor };
}
