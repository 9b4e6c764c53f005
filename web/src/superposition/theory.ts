/**
 * The phase diagram in theory: N features in N - 1 dimensions, the last of importance r.
 *
 * As `toylab.tasks.superposition.superposition_phase`: the candidate solutions of Elhage et al.
 * 2022, "Superposition as a phase change"; and the loss of a trained network without sampling, as
 * in `superposition_exact`, for 2 features.
 */

/** Phase of the last feature by the least candidate loss, an index into `PHASES`. */
export function phaseInTheory(density: number, ratio: number, features: 2 | 3): number {
  const s = density;
  const alone = s / 3 - s ** 2 / 4; // loss of a feature that is ignored, with the best bias
  const candidates: [number, number][] = [[alone, 2], [ratio * alone, 0]];
  if (features === 3) candidates.push([s ** 2 / 3, 2]);
  candidates.push([((1 + ratio) * s ** 2) / 6, 1]);
  return candidates.reduce((best, next) => (next[0] < best[0] ? next : best))[1];
}

/** Density below which superposing some pair is the least candidate. */
export function boundary(ratio: number, features: 2 | 3): number {
  if (ratio <= 1) return (4 * ratio) / (2 + 5 * ratio);
  return features === 2 ? 4 / (5 + 2 * ratio) : 4 / 7;
}

const NODES = 24;
const [LINE, WEIGHT] = gauss(NODES);

/** Population loss of x' = ReLU(W^T W x + b) with 2 features in 1 dimension, by quadrature. */
export function exactLoss(W: ArrayLike<number>, b: ArrayLike<number>, s: number, ratio: number): number {
  const none = Math.max(b[0], 0) ** 2 + ratio * Math.max(b[1], 0) ** 2;
  const at = (x: number, y: number): number => {
    const h = W[0] * x + W[1] * y;
    const [p, q] = [Math.max(W[0] * h + b[0], 0), Math.max(W[1] * h + b[1], 0)];
    return (x - p) ** 2 + ratio * (y - q) ** 2;
  };
  let [one, both] = [0, 0];
  for (let i = 0; i < NODES; i++) {
    one += WEIGHT[i] * (at(LINE[i], 0) + at(0, LINE[i]));
    for (let j = 0; j < NODES; j++) both += WEIGHT[i] * WEIGHT[j] * at(LINE[i], LINE[j]);
  }
  return (1 - s) ** 2 * none + s * (1 - s) * one + s ** 2 * both;
}

/** Nodes and weights of Gauss and Legendre on [0, 1], by Newton's method. */
function gauss(count: number): [Float64Array, Float64Array] {
  const [nodes, weights] = [new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < count; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let round = 0; round < 50; round++) {
      let [before, value] = [1, x];
      for (let k = 2; k <= count; k++) {
        [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
      }
      slope = (count * (x * value - before)) / (x * x - 1);
      const move = value / slope;
      x -= move;
      if (Math.abs(move) < 1e-15) break;
    }
    nodes[i] = (x + 1) / 2;
    weights[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return [nodes, weights];
}
