/**
 * What a picture of superposition shows, from one member's W (M, N), row after row.
 *
 * As `toylab.tasks.superposition.superposition_geometry` and `superposition_phase`.
 */

const TINY = 1e-12; // a feature of less squared norm is not embedded

/** W^T W (N, N): what feature j puts on output i. */
export function gram(W: Float32Array, m: number, n: number): Float32Array {
  const out = new Float32Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < m; k++) sum += W[k * n + i] * W[k * n + j];
      out[i * n + j] = out[j * n + i] = sum;
    }
  }
  return out;
}

/** Norm of each feature, (N,). */
export function norms(W: Float32Array, m: number, n: number): Float32Array {
  const out = new Float32Array(n);
  for (let k = 0; k < m; k++) for (let i = 0; i < n; i++) out[i] += W[k * n + i] ** 2;
  return out.map(Math.sqrt);
}

/** Interference of each feature, sum_{j != i} (W_i . W_j)^2 / |W_i|^2, (N,). */
export function interference(W: Float32Array, m: number, n: number): Float32Array {
  const G = gram(W, m, n);
  return new Float32Array(n).map((_, i) => {
    const square = G[i * n + i];
    if (square <= TINY) return 0;
    let sum = 0;
    for (let j = 0; j < n; j++) if (j !== i) sum += G[i * n + j] ** 2;
    return sum / square;
  });
}

/** Share of a dimension that each feature has to itself, |W_i|^4 / sum_j (W_i . W_j)^2, (N,). */
export function dimensionality(W: Float32Array, m: number, n: number): Float32Array {
  const G = gram(W, m, n);
  return new Float32Array(n).map((_, i) => {
    const square = G[i * n + i];
    if (square <= TINY) return 0;
    let sum = 0;
    for (let j = 0; j < n; j++) sum += G[i * n + j] ** 2;
    return sum / square > TINY ? square ** 2 / sum : 0;
  });
}

/** D* = M / |W|^2, dimensions per feature. */
export function dimensionsPerFeature(W: Float32Array, m: number): number {
  let square = 0;
  for (const w of W) square += w * w;
  return m / square;
}

export const PHASES = ["not represented", "superposition", "dedicated dimension"] as const;

/** What became of the last feature, as an index into `PHASES`. */
export function classify(W: Float32Array, m: number, n: number): number {
  const size = norms(W, m, n)[n - 1];
  if (size < 0.5) return 0;
  const G = gram(W, m, n);
  let overlap = 0;
  for (let j = 0; j < n - 1; j++) overlap += G[(n - 1) * n + j] ** 2;
  return overlap >= 0.25 * size ** 2 ? 1 : 2;
}

/** Features of norm above a half. */
export function kept(W: Float32Array, m: number, n: number): number {
  return norms(W, m, n).filter((norm) => norm > 0.5).length;
}
