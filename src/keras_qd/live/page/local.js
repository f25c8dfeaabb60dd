// The page without a server: one electron solved here, a model in ONNX Runtime Web, stored samples.

const NEAR_DEGENERACY = 2e-3;

export class Local {
  constructor(nPixels, receive, changed, settings) {
    Object.assign(this, { nPixels, receive, settings });
    settings.status = "without a server: everything is computed in this browser";
    this.model = settings.model ? loadModel(settings.model.file) : null;
    this.latest = {};
    this.solver = new Worker(new URL("one_electron_worker.js", import.meta.url), { type: "module" });
    this.solving = false;
    this.next = null;
    // As from a server, answers come later than the request.
    setTimeout(() => changed(true));
  }

  request(kind, header, field) {
    this.latest[kind] = header.id;
    setTimeout(async () => {
      if (kind in this && this.latest[kind] === header.id) await this[kind](header, field);
    });
  }

  answer(event, header, content) {
    this.receive({ event, id: header.id, fields: [], ...content });
  }

  draft(header, potential) {
    this.solve(header, potential);
  }

  solve(header, potential) {
    if (header.n_electrons > 1) return this.answer("exact", header, { unavailable: "Without Python only one electron is solved exactly: choose 1, or run keras-qd live." });
    // One dot at a time; of those that wait only the newest.
    if (this.solving) this.next = [header, potential];
    else this.begin(header, potential);
  }

  begin(header, potential) {
    const begun = performance.now();
    this.solving = true;
    this.solver.onmessage = ({ data }) => {
      this.solving = false;
      this.solved(header, data, (performance.now() - begun) / 1000);
      const next = this.next;
      this.next = null;
      if (next) this.begin(...next);
    };
    this.solver.postMessage({ potential, nPixels: this.nPixels, length: header.length });
  }

  solved(header, found, seconds) {
    this.answer("exact", header, {
      fields: [found.density],
      n_electrons: 1,
      energy: found.energy,
      energy_error: found.energyError,
      mu: found.energy,
      mu_error: found.energyError,
      gap: found.gap,
      gap_error: found.gapError,
      spin_squared: 0.75,
      density_error: found.densityError,
      integral: this.integral(found.density, header),
      seconds,
      draft: false,
      undecided: found.gap < NEAR_DEGENERACY ? "Undecided: the next level is less than 2 mHa* above." : "",
    });
  }

  async predict(header, potential) {
    const reason = this.limits(header);
    if (reason) return this.answer("prediction", header, { reason });
    try {
      const { session, Tensor } = await this.model;
      const { input, output } = this.settings.model;
      const begun = performance.now();
      const found = await session.run({ [input]: new Tensor("float32", potential, [1, this.nPixels, this.nPixels]) });
      const density = Float32Array.from(found[output].data);
      const seconds = (performance.now() - begun) / 1000;
      const about = { n_electrons: header.n_electrons, energy: null, familiar: true, reason: "", seconds };
      this.answer("prediction", header, { ...about, fields: [density], integral: this.integral(density, header) });
    } catch (error) {
      this.answer("prediction", header, { reason: `The model does not run in this browser: ${error.message}` });
    }
  }

  limits(header) {
    const { model } = this.settings;
    if (!model) return "This page was written without a model.";
    const wrong = [["n_electrons", "N"], ["length", "box side (a0*)"], ["strength", "interaction strength"]]
      .filter(([name]) => model[name] !== null && Math.abs(model[name] - header[name]) > 1e-6 * model[name])
      .map(([name, title]) => `${title} = ${model[name]}`);
    const differs = model.interaction && Object.entries(model.interaction).some(([name, value]) => value !== (header.interaction[name] ?? null));
    if (differs) wrong.push(`interaction = ${model.interaction.interaction}`);
    return wrong.length ? `The model was trained for ${wrong.join(", ")}.` : "";
  }

  async sample(header) {
    const { families, samples, sample_length: length } = this.settings;
    this.stored ??= new Float32Array(await (await fetch("samples.bin")).arrayBuffer());
    if (header.seed >= samples) return this.answer("error", header, { id: Infinity, message: `Without Python there are the seeds 0 to ${samples - 1}.` });
    const size = this.nPixels ** 2;
    const at = (families.indexOf(header.family) * samples + header.seed) * size;
    if (header.length !== length) this.answer("refused", header, { message: `the sample is that of a box of ${length} a0*` });
    this.answer("sample", header, { fields: [this.stored.slice(at, at + size)] });
  }

  invert(header) {
    this.answer("error", header, { message: "Finding potentials needs Python: run keras-qd live." });
  }

  integral(density, header) {
    return (header.length / this.nPixels) ** 2 * density.reduce((sum, value) => sum + value, 0);
  }
}

async function loadModel(file) {
  const runtime = await import("./ort.wasm.min.mjs");
  runtime.env.wasm.numThreads = 1;
  runtime.env.wasm.wasmPaths = new URL("./", document.baseURI).href;
  const session = await runtime.InferenceSession.create(file, { executionProviders: ["wasm"] });
  return { session, Tensor: runtime.Tensor };
}
