/**
 * Modular addition by a small network, for a population.
 *
 * As `toylab.models.TokenMLP` with one embedding for both numbers, summed (Liu et al. 2022):
 * logits = ReLU((E[x] + E[y]) W_0) W_1, on `toylab.tasks.grokking.modular.ModularArithmetic`; weights
 * start as N(0, 1 / fan-in), embeddings as N(0, 1 / E); the loss is the mean cross-entropy over the
 * training pairs.
 *
 * Axes: P members, N pairs, p residues, E embedding, H hidden.
 */

import { nn, numpy as np } from "@jax-js/jax";

import { stacked, type Losses } from "../numerics/adamw";
import { toArray, type Table, type Tree } from "../numerics/arrays";
import { correct, crossEntropy } from "../numerics/losses";
import { Random } from "../numerics/random";

export const EMBED = 32;
export const HIDDEN = 64;
const ROUNDING = 1e-3; // float32 may put fraction * size a hair below a whole number

/** Initial parameters; member i starts from `seed + i`. */
export function initial(p: number, members: number, seed: number): Tree {
  const one = (i: number): Record<string, Table> => {
    const random = new Random(seed + i, "weights");
    const draw = (rows: number, columns: number, fan: number): Table => ({
      shape: [rows, columns],
      values: random.normal(rows * columns, fan ** -0.5),
    });
    return {
      embed: draw(p, EMBED, EMBED),
      "layers/0/kernel": draw(EMBED, HIDDEN, EMBED),
      "layers/1/kernel": draw(HIDDEN, p, HIDDEN),
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

/** Pairs as counts of residues (N, p), and their answers one-hot (N, p). */
export function pairs(p: number, which: (pair: number) => boolean): Tree {
  const rows = Array.from({ length: p * p }, (_, pair) => pair).filter(which);
  const [inputs, answers] = [new Float32Array(rows.length * p), new Float32Array(rows.length * p)];
  rows.forEach((pair, row) => {
    const [x, y] = [Math.floor(pair / p), pair % p];
    inputs[row * p + x] += 1;
    inputs[row * p + y] += 1;
    answers[row * p + ((x + y) % p)] = 1;
  });
  const shape = [1, rows.length, p];
  return { inputs: toArray(inputs, shape), answers: toArray(answers, shape) };
}

/** Several members' pairs, of equally many each, as one batch (P, N, p). */
export function batch(each: Tree[]): Tree {
  const join = (name: string): np.Array => np.concatenate(each.map((tree) => tree[name]), 0);
  return { inputs: join("inputs"), answers: join("answers") };
}

/** Logits (P, N, p); consumes both. E W_0 is p rows, far fewer than there are pairs. */
function logits(params: Tree, inputs_PNp: np.Array): np.Array {
  const rows_PpH = np.matmul(params.embed, params["layers/0/kernel"]);
  const hidden_PNH = nn.relu(np.matmul(inputs_PNp, rows_PpH));
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
