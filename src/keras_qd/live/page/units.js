// Effective atomic units, or nm and meV of a material.

const DIGITS = 5;

export class Units {
  constructor(material) {
    this.material = material;
    this.length = material ? "nm" : "a₀*";
    this.energy = material ? "meV" : "Ha*";
    this.density = material ? "nm⁻²" : "a₀*⁻²";
    this.lengthFactor = material ? material.nanometres : 1;
    this.energyFactor = material ? material.millielectronvolts : 1;
    this.densityFactor = 1 / this.lengthFactor ** 2;
  }
}

export function shown(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(digits - 1).replace(/\.?0*e\+?/, "e").replaceAll("-", "−");
  return Number(value.toPrecision(digits)).toString().replace("-", "−");
}

// A value with as many digits as its error leaves.
export function withError(value, error) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (!error || !Number.isFinite(error)) return shown(value, DIGITS);
  const digits = Math.min(10, Math.max(0, -Math.floor(Math.log10(error))));
  return value.toFixed(digits).replace("-", "−");
}
