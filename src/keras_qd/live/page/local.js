// The page without a server: one or two electrons solved here, a model in ONNX Runtime Web, stored
// samples.

import { Model } from "./model.js";

const NEAR_DEGENERACY = 2e-3;

export class Local {
  constructor(nPixels, receive, changed, settings) {
    Object.assign(this, { nPixels, receive, settings });
    settings.status = "without a server: everything is computed in this browser";
    this.model = settings.model ? new Model(settings.model, nPixels) : null;
    this.latest = {};
    this.solver = new Worker(new URL("exact_worker.js", import.meta.url), { type: "module" });
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
    if (header.n_electrons > 2) return this.answer("exact", header, { unavailable: "Without Python one or two electrons are solved exactly: choose 1 or 2, or run keras-qd live." });
    // One dot at a time; of those that wait only the newest.
    if (this.solving) this.next = [header, potential];
    else this.begin(header, potential);
  }

  begin(header, potential) {
    const begun = performance.now();
    this.solving = true;
    const ended = () => {
      this.solving = false;
      const next = this.next;
      this.next = null;
      if (next) this.begin(...next);
    };
    this.solver.onmessage = ({ data }) => {
      this.solved(header, data, (performance.now() - begun) / 1000);
      ended();
    };
    this.solver.onerror = ({ message }) => {
      this.answer("error", header, { message });
      ended();
    };
    this.solver.postMessage({ potential, nPixels: this.nPixels, ...header });
  }

  solved(header, { density, ...found }, seconds) {
    this.answer("exact", header, {
      ...found,
      fields: [density],
      n_electrons: header.n_electrons,
      integral: this.integral(density, header),
      seconds,
      draft: false,
      spin: "exact",
      whole: true,
      undecided: found.gap < NEAR_DEGENERACY ? "Undecided: the next level is less than 2 mHa* above." : "",
    });
  }

  async predict(header, potential) {
    const reason = this.model ? this.model.limits(header) : "This page was written without a model.";
    if (reason) return this.answer("prediction", header, { reason });
    try {
      const begun = performance.now();
      const { density, ...found } = await this.model.predict(header, potential);
      const about = { n_electrons: header.n_electrons, reason: "", seconds: (performance.now() - begun) / 1000 };
      this.answer("prediction", header, { ...about, ...found, fields: [density], integral: this.integral(density, header) });
    } catch (error) {
      this.answer("prediction", header, { reason: `The model does not run in this browser: ${error.message}` });
    }
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
