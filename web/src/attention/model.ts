/**
 * An attention-only transformer, for a population.
 *
 * As `toylab.models.Transformer` with rotary positions, RMS norms, no MLP and no biases: each block
 * computes x <- x + attn(norm(x)); the logits are norm(x) W_U. Weights start as N(0, 1 / fan-in),
 * embeddings as N(0, 1 / D), gains at 1. The loss is the weighted cross-entropy of
 * `toylab.losses.cross_entropy` on `toylab.tasks.in_context.repeats.Repeats`. Parameters have the
 * names that the library stores them by.
 *
 * Axes: P members, B batch, L length, D width, H heads, K head dim, V tokens.
 */

import { nn, numpy as np } from "@jax-js/jax";

import { stacked, type Losses } from "../numerics/adamw";
import { toArray, type Table, type Tree } from "../numerics/arrays";
import { crossEntropy } from "../numerics/losses";
import { Random } from "../numerics/random";

const EPS = 1e-5;
const ROPE_BASE = 10_000;
const HIDDEN = -1e30; // score of a key that a query does not see

export interface Shape {
  tokens: number;
  width: number;
  heads: number;
  depth: number;
}

/** Initial parameters; member i starts from `seed + i`. */
export function initial(shape: Shape, members: number, seed: number): Tree {
  const { tokens, width, heads, depth } = shape;
  const keys = width / heads;
  const one = (i: number): Record<string, Table> => {
    const random = new Random(seed + i, "weights");
    const draw = (sizes: number[], fan: number): Table => {
      const count = sizes.reduce((a, b) => a * b, 1);
      return { shape: sizes, values: random.normal(count, fan ** -0.5) };
    };
    const gain = (): Table => ({ shape: [width], values: new Float32Array(width).fill(1) });
    const params: Record<string, Table> = {
      "embed/embedding": draw([tokens, width], width),
      "unembed/kernel": draw([width, tokens], width),
      "norm/scale": gain(),
    };
    for (let layer = 0; layer < depth; layer++) {
      const name = (part: string): string => `blocks/${layer}/${part}`;
      for (const part of ["w_q", "w_k", "w_v"]) params[name(`attn/${part}`)] = draw([width, heads, keys], width);
      params[name("attn/w_o")] = draw([heads, keys, width], heads * keys);
      params[name("norm_attn/scale")] = gain();
    }
    return params;
  };
  return stacked(Array.from({ length: members }, (_, i) => one(i)));
}

/** What a run needs besides tokens: rotations (L, K / 2), and scores of hidden keys (L, L). */
export function positions(length: number, keys: number): Tree {
  const half = keys / 2;
  const [cos, sin] = [new Float32Array(length * half), new Float32Array(length * half)];
  const mask = new Float32Array(length * length);
  for (let l = 0; l < length; l++) {
    for (let j = 0; j < half; j++) {
      const angle = l * ROPE_BASE ** (-j / half);
      cos[l * half + j] = Math.cos(angle);
      sin[l * half + j] = Math.sin(angle);
    }
    for (let m = l + 1; m < length; m++) mask[l * length + m] = HIDDEN;
  }
  return {
    cos: toArray(cos, [length, half]),
    sin: toArray(sin, [length, half]),
    mask: toArray(mask, [length, length]),
  };
}

/** Tokens one-hot, (B, L, V). */
export function oneHot(tokens: ArrayLike<number>, length: number, vocab: number): np.Array {
  const out = new Float32Array(tokens.length * vocab);
  for (let i = 0; i < tokens.length; i++) out[i * vocab + tokens[i]] = 1;
  return toArray(out, [tokens.length / length, length, vocab]);
}

function norm(x: np.Array, scale_PD: np.Array): np.Array {
  const square = np.square(x.ref).mean(-1, { keepdims: true });
  const [P, D] = scale_PD.shape;
  return x.div(np.sqrt(square.add(EPS))).mul(scale_PD.reshape([P, 1, D]));
}

/** Rotate pairs (x_j, x_{j + K/2}) by the angle of their position. */
function rotate(x_PBHLK: np.Array, cos: np.Array, sin: np.Array): np.Array {
  const [left, right] = np.split(x_PBHLK, 2, -1);
  const first = left.ref.mul(cos.ref).sub(right.ref.mul(sin.ref));
  const second = left.mul(sin).add(right.mul(cos));
  return np.concatenate([first, second], -1);
}

/**
 * Logits (P, B L, V), and the pattern of each layer, (P, B, H, L, L). Consumes all that it is given.
 *
 * @param gates 1 for a head that works, 0 for one that is zero-ablated, (layers, H); all work without it.
 */
export function apply(params: Tree, tokens_BLV: np.Array, where: Tree, gates?: np.Array): [np.Array, np.Array[]] {
  const [B, L, V] = tokens_BLV.shape;
  const depth = Object.keys(params).filter((name) => name.endsWith("w_q")).length;
  const patterns: np.Array[] = [];
  const gate = gates ? np.split(gates, depth, 0) : [];
  let x = np.matmul(tokens_BLV.reshape([1, B * L, V]), params["embed/embedding"]);
  for (let layer = 0; layer < depth; layer++) {
    const take = (name: string): np.Array => params[`blocks/${layer}/${name}`];
    const [P, D, H, K] = take("attn/w_q").shape;
    const normed = norm(x.ref, take("norm_attn/scale"));
    const project = (name: string): np.Array => {
      const flat = np.matmul(normed.ref, take(name).reshape([P, D, H * K]));
      return flat.reshape([P, B, L, H, K]).transpose([0, 1, 3, 2, 4]);
    };
    const turn = (y: np.Array): np.Array => rotate(y, where.cos.ref, where.sin.ref);
    const [q, k, v] = [turn(project("attn/w_q")), turn(project("attn/w_k")), project("attn/w_v")];
    normed.dispose();
    const scores = np.matmul(q, k.transpose([0, 1, 2, 4, 3])).mul(1 / Math.sqrt(K));
    const pattern = nn.softmax(scores.add(where.mask.ref), -1);
    const read_PBHLK = np.matmul(pattern.ref, v);
    const kept = gate.length ? read_PBHLK.mul(gate[layer].reshape([1, 1, H, 1, 1])) : read_PBHLK;
    const z = kept.transpose([0, 1, 3, 2, 4]).reshape([P, B * L, H * K]);
    patterns.push(pattern);
    x = x.add(np.matmul(z, take("attn/w_o").reshape([P, H * K, D])));
  }
  for (const array of Object.values(where)) array.dispose();
  return [np.matmul(norm(x, params["norm/scale"]), params["unembed/kernel"]), patterns];
}

/** Losses (P,): the mean over each sequence's weighted positions, then over sequences. */
export const losses: Losses = (params, { tokens, answers, weights, ...where }) => {
  const [B, L, V] = answers.shape;
  const [logits, patterns] = apply(params, tokens, where);
  for (const pattern of patterns) pattern.dispose();
  const P = logits.shape[0];
  const nats_PBL = crossEntropy(logits, answers.reshape([1, B * L, V])).reshape([P, B, L]);
  const total_B = np.maximum(weights.ref.sum(-1), 1e-9);
  return nats_PBL.mul(weights).sum(-1).div(total_B).mean(-1);
};
