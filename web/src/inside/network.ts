/**
 * The forward pass of one trained transformer on one sequence, with edits of its residual stream.
 *
 * As `toylab.models.Transformer` with learned or rotary positions, softmax attention and an ungated MLP:
 * x <- x + attn(norm(x)), then x <- x + mlp(norm(x)); logits are norm(x) W_U. Norms are LayerNorm where
 * they have a bias, RMS norms otherwise, absent where there is no gain. Parameters have the names that
 * the library stores them by. With learned positions a sequence has at most as many as there are;
 * rotary ones turn queries and keys (Su et al. 2021), so that only distances matter.
 *
 * Axes: L positions, D width, H heads, K head dim, F hidden, V logits.
 */

import type { Tensor } from "./tensors";

const EPS = 1e-5;
const ROPE_BASE = 10_000;

export type Activation = "relu" | "gelu";
export type Positions = "learned" | "rope";

/** Changes the residual stream (D) after a layer's attention, at one position. */
export type Edit = (layer: number, position: number, x: Float32Array) => void;

export interface Pass {
  /** (L, V). */
  logits: Float32Array;
  /** The residual stream after each layer's attention, edits included, (L, D). */
  mid: Float32Array[];
  /** The residual stream before the first layer, then after each, (L, D). */
  stream: Float32Array[];
}

const ACTIVATIONS: Record<Activation, (x: number) => number> = {
  relu: (x) => Math.max(x, 0),
  gelu: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

/** A trained network. */
export class Network {
  readonly depth: number;
  readonly width: number;
  readonly vocab: number;
  readonly longest: number;

  constructor(
    readonly params: Record<string, Tensor>,
    readonly activation: Activation,
    readonly positions: Positions = "learned",
  ) {
    this.depth = Object.keys(params).filter((name) => name.endsWith("attn/w_q")).length;
    const learned = positions === "learned" ? ["positions/embedding"] : [];
    for (const name of ["embed/embedding", ...learned, "unembed/kernel"]) {
      if (!params[name]) throw new Error(`It holds no ${name}.`);
    }
    [, this.width] = params["embed/embedding"].shape;
    this.longest = learned.length ? params["positions/embedding"].shape[0] : Infinity;
    [, this.vocab] = params["unembed/kernel"].shape;
  }

  /** Run on tokens. */
  run(tokens: number[], edit: Edit = () => {}): Pass {
    const { width: D, params } = this;
    const L = tokens.length;
    const embed = params["embed/embedding"].values;
    const x = new Float32Array(L * D);
    tokens.forEach((token, l) => x.set(embed.subarray(token * D, (token + 1) * D), l * D));
    if (this.positions === "learned") add(x, params["positions/embedding"].values);
    const mid: Float32Array[] = [];
    const stream = [x.slice()];
    for (let layer = 0; layer < this.depth; layer++) {
      const name = `blocks/${layer}`;
      add(x, this.attend(this.norm(x, `${name}/norm_attn`), `${name}/attn`));
      for (let l = 0; l < L; l++) edit(layer, l, x.subarray(l * D, (l + 1) * D));
      mid.push(x.slice());
      if (`${name}/mlp/up/kernel` in params) {
        const pre = this.linear(this.norm(x, `${name}/norm_mlp`), `${name}/mlp/up`);
        add(x, this.linear(pre.map(ACTIVATIONS[this.activation]), `${name}/mlp/down`));
      }
      stream.push(x.slice());
    }
    return { logits: this.linear(this.norm(x, "norm"), "unembed"), mid, stream };
  }

  private norm(x: Float32Array, name: string): Float32Array {
    const gain = this.params[`${name}/scale`]?.values;
    if (!gain) return x;
    const bias = this.params[`${name}/bias`]?.values;
    const D = this.width;
    const out = new Float32Array(x.length);
    for (let start = 0; start < x.length; start += D) {
      const row = x.subarray(start, start + D);
      const mean = bias ? row.reduce((a, b) => a + b, 0) / D : 0;
      const square = row.reduce((a, b) => a + (b - mean) ** 2, 0) / D;
      const over = 1 / Math.sqrt(square + EPS);
      for (let d = 0; d < D; d++) out[start + d] = (row[d] - mean) * over * gain[d] + (bias ? bias[d] : 0);
    }
    return out;
  }

  private linear(x: Float32Array, name: string): Float32Array {
    return times(x, this.params[`${name}/kernel`], this.params[`${name}/bias`]);
  }

  private attend(x: Float32Array, name: string): Float32Array {
    const { params } = this;
    const [, H, K] = params[`${name}/w_q`].shape;
    const [q, k, v] = ["q", "k", "v"].map((part) => times(x, params[`${name}/w_${part}`], params[`${name}/b_${part}`]));
    const L = x.length / this.width;
    if (this.positions === "rope") for (const vectors of [q, k]) rotate(vectors, H, K);
    const read = new Float32Array(L * H * K);
    for (let head = 0; head < H; head++) {
      const at = (l: number): number => (l * H + head) * K;
      for (let l = 0; l < L; l++) {
        const scores = Array.from({ length: l + 1 }, (_, m) => {
          let sum = 0;
          for (let j = 0; j < K; j++) sum += q[at(l) + j] * k[at(m) + j];
          return sum / Math.sqrt(K);
        });
        softmax(scores).forEach((share, m) => {
          for (let j = 0; j < K; j++) read[at(l) + j] += share * v[at(m) + j];
        });
      }
    }
    const { values } = params[`${name}/w_o`];
    return times(read, { shape: [H * K, this.width], values }, params[`${name}/b_o`]);
  }
}

/** Shares of scores, of sum 1. */
export function softmax(scores: ArrayLike<number>): number[] {
  const all = Array.from(scores);
  const most = Math.max(...all);
  const weights = all.map((score) => Math.exp(score - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** Rows times a matrix, whose first axis is what is summed over; plus a bias. */
export function times(x: Float32Array, { shape, values }: Tensor, bias?: Tensor): Float32Array {
  const inner = shape[0];
  const outer = values.length / inner;
  const rows = x.length / inner;
  const out = new Float32Array(rows * outer);
  for (let r = 0; r < rows; r++) {
    const row = out.subarray(r * outer, (r + 1) * outer);
    if (bias) row.set(bias.values);
    for (let i = 0; i < inner; i++) {
      const factor = x[r * inner + i];
      const weights = values.subarray(i * outer, (i + 1) * outer);
      for (let j = 0; j < outer; j++) row[j] += factor * weights[j];
    }
  }
  return out;
}

/** Turn each pair (x_j, x_{j + K/2}) at position l by l * base^(-2j/K) radians, (L, H, K) in place. */
function rotate(x: Float32Array, H: number, K: number): void {
  const half = K / 2;
  for (let start = 0; start < x.length; start += K) {
    const position = Math.floor(start / (H * K));
    for (let j = 0; j < half; j++) {
      const angle = position * ROPE_BASE ** (-j / half);
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      const [left, right] = [x[start + j], x[start + half + j]];
      x[start + j] = left * cos - right * sin;
      x[start + half + j] = left * sin + right * cos;
    }
  }
}

function add(x: Float32Array, more: Float32Array): void {
  for (let i = 0; i < x.length; i++) x[i] += more[i];
}
