/**
 * The Fourier transform of an embedding over residues, and the circle in it.
 *
 * As `toylab.tasks.grokking.theory.fourier.spectrum`: the norm of a table's component at each frequency, with waves
 * of unit norm.
 */

/** Norms at the frequencies 1 to (p - 1) / 2 of a table (p, D). */
export function spectrum(table: Float32Array, p: number): Float32Array {
  const count = Math.floor((p - 1) / 2);
  return new Float32Array(count).map((_, i) => {
    const [cosine, sine] = waves(table, p, i + 1);
    return Math.sqrt(square(cosine) + square(sine));
  });
}

/** A table's components (D,) along the unit cosine and sine of a frequency. */
function waves(table: Float32Array, p: number, k: number): [Float64Array, Float64Array] {
  const width = table.length / p;
  const [cosine, sine] = [new Float64Array(width), new Float64Array(width)];
  const unit = Math.sqrt(2 / p);
  for (let a = 0; a < p; a++) {
    const angle = (2 * Math.PI * ((k * a) % p)) / p;
    const [c, s] = [unit * Math.cos(angle), unit * Math.sin(angle)];
    for (let d = 0; d < width; d++) {
      cosine[d] += c * table[a * width + d];
      sine[d] += s * table[a * width + d];
    }
  }
  return [cosine, sine];
}

/** Residues (p, 2) in the plane in which a frequency's cosine and sine lie, row after row. */
export function circle(table: Float32Array, p: number, k: number): Float32Array {
  const width = table.length / p;
  const [u, v] = waves(table, p, k);
  scale(u, 1 / Math.sqrt(square(u) || 1));
  const overlap = u.reduce((sum, x, d) => sum + x * v[d], 0);
  v.forEach((_, d) => (v[d] -= overlap * u[d]));
  scale(v, 1 / Math.sqrt(square(v) || 1));
  const out = new Float32Array(2 * p);
  for (let a = 0; a < p; a++) {
    for (let d = 0; d < width; d++) {
      out[2 * a] += u[d] * table[a * width + d];
      out[2 * a + 1] += v[d] * table[a * width + d];
    }
  }
  return out;
}

/** Residues in the order in which the frequency passes them: 0, 1/k, 2/k, ... modulo p. */
export function around(p: number, k: number): number[] {
  const step = Array.from({ length: p }, (_, a) => a).find((a) => (a * k) % p === 1) ?? 1;
  return Array.from({ length: p }, (_, i) => (i * step) % p);
}

function square(values: Float64Array): number {
  return values.reduce((sum, x) => sum + x * x, 0);
}

function scale(values: Float64Array, by: number): void {
  values.forEach((x, d) => (values[d] = x * by));
}
