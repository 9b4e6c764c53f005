/**
 * Modular addition by a small network, for a population.
 *
 * As `toylab.models.TokenMLP` with an embedding for each number (Chughtai et al. 2023), summed:
 * logits = ReLU((E_0[x] + E_1[y]) W_0) W_1, on `toylab.tasks.grokking.modular.ModularArithmetic`; weights
 * start as N(0, 1 / fan-in), embeddings as N(0, 1 / E); the loss is the mean cross-entropy over the
 * training pairs. One embedding for both would know (y, x) from (x, y), and half of the others at once.
 *
 * Axes: P members, N pairs, p residues, E embedding, H hidden.
 */

import { nn, numpy as np } from "@jax-js/jax";

import { stacked, type Losses } from "../numerics/adamw";
import { toArray, type Table, type Tree } from "../numerics/arrays";
import { correct, crossEntropy } from "../numerics/losses";
import { Random } from "../numerics/random";

const EMBED = 32;
export const HIDDEN = 64;
const ROUNDING = 1e-3; // float32 may put fraction * size a hair below a whole number

/** Initial parameters; member i starts from `seed + i`. */
export function initial(p: number, members: number, seed: number): Tree {
  const one = (i: number): Record<string, Table> => {
    const random = new Random(seed + i, "weights");
    const draw = (shape: number[], fan: number): Table => {
      const count = shape.reduce((a, b) => a * b, 1);
      return { shape, values: random.normal(count, fan ** -0.5) };
    };
    return {
      embed: draw([2, p, EMBED], EMBED),
      "layers/0/kernel": draw([EMBED, HIDDEN], EMBED),
      "layers/1/kernel": draw([HIDDEN, p], HIDDEN),
    };
  };
  return stacked(Array.from({ length: members }, (_, i) => one(i)));
}

/** Which of the p^2 pairs are trained on, x varying slowest: a random part of a fraction. */
export function split(p: number, fraction: number, seed: number): Uint8Array {
  const count = Math.floor(Math.fround(fraction) * p * p + ROUNDING);
  const chosen = new Uint8Array(p * p);
  for (const pair of new Random(seed, "split").order(p * p).subarray(0, count)) chosen[pair] = 1;
  return chosen;
}

/** Pairs one-hot, x beside y (N, 2 p), and their answers (N, p). */
export function pairs(p: number, which: (pair: number) => boolean): Tree {
  const rows = Array.from({ length: p * p }, (_, pair) => pair).filter(which);
  const [inputs, answers] = [new Float32Array(rows.length * 2 * p), new Float32Array(rows.length * p)];
  rows.forEach((pair, row) => {
    const [x, y] = [Math.floor(pair / p), pair % p];
    inputs[row * 2 * p + x] = inputs[row * 2 * p + p + y] = 1;
    answers[row * p + ((x + y) % p)] = 1;
  });
  const count = rows.length;
  return { inputs: toArray(inputs, [1, count, 2 * p]), answers: toArray(answers, [1, count, p]) };
}

/** Several members' pairs, of equally many each, as one batch (P, N, p). */
export function batch(each: Tree[]): Tree {
  const join = (name: string): np.Array => np.concatenate(each.map((tree) => tree[name]), 0);
  return { inputs: join("inputs"), answers: join("answers") };
}

/** Logits (P, N, p); consumes both. E W_0 has 2 p rows, far fewer than there are pairs. */
function logits(params: Tree, inputs_PNR: np.Array): np.Array {
  const [P, two, p, E] = params.embed.shape;
  const rows_PRH = np.matmul(params.embed.reshape([P, two * p, E]), params["layers/0/kernel"]);
  const hidden_PNH = nn.relu(np.matmul(inputs_PNR, rows_PRH));
  return np.matmul(hidden_PNH, params["layers/1/kernel"]);
}

/** Losses (P,) over the training pairs. */
export const losses: Losses = (params, { inputs, answers }) => {
  const nats_PN = crossEntropy(logits(params, inputs), answers);
  return nats_PN.mean(1);
};

/** Loss and correctness of every pair, each (P, p^2); consumes both. */
export function scores(params: Tree, { inputs, answers }: Tree): [np.Array, np.Array] {
  const z = logits(params, inputs);
  return [crossEntropy(z.ref, answers.ref), correct(z, answers)];
}
