/**
 * The forward pass of one trained transformer, a token at a time, with keys and values kept.
 *
 * As `toylab.models.Transformer` with learned positions, RMS norms and a gated MLP,
 * silu(x W_gate) * (x W_up) W_down, without biases; heads can be switched off at any token: their output z
 * is 0 there.
 *
 * Axes: D width, H heads, K head dim, V logits.
 */

import { softmax, times } from "./network";
import type { Tensor } from "./tensors";

const EPS = 1e-5;

/** What a token comes to. */
export interface Step {
  /** Of the next token, (V). */
  logits: Float32Array;
  /** The residual stream before the first layer, then after each, (D). */
  stream: Float32Array[];
}

/** Whether a head is off. */
export type Off = (layer: number, head: number) => boolean;

/** A trained network. */
export class Stepper {
  readonly depth: number;
  readonly heads: number;
  readonly width: number;
  readonly longest: number;
  readonly vocab: number;
  /** Arrays of each layer, by the end of their names. */
  readonly layers: Record<string, Tensor>[];

  constructor(readonly params: Record<string, Tensor>) {
    this.depth = Object.keys(params).filter((name) => name.endsWith("attn/w_q")).length;
    const ends = ["attn/w_q", "attn/w_k", "attn/w_v", "attn/w_o", "mlp/gate/kernel", "mlp/up/kernel", "mlp/down/kernel", "norm_attn/scale", "norm_mlp/scale"];
    const found = (name: string): Tensor => {
      if (!params[name]) throw new Error(`It holds no ${name}.`);
      return params[name];
    };
    [this.longest] = found("positions/embedding").shape;
    [, this.width] = found("embed/embedding").shape;
    [, this.vocab] = found("unembed/kernel").shape;
    found("norm/scale");
    [, this.heads] = found("blocks/0/attn/w_q").shape;
    this.layers = Array.from({ length: this.depth }, (_, layer) =>
      Object.fromEntries(ends.map((end) => [end, found(`blocks/${layer}/${end}`)])),
    );
  }

  /** Begin a sequence. */
  start(): Sequence {
    return new Sequence(this);
  }
}

/** A sequence as read so far. */
export class Sequence {
  /** Tokens read. */
  length = 0;
  private readonly keys: Float32Array[];
  private readonly values: Float32Array[];

  constructor(private readonly network: Stepper) {
    const cache = (): Float32Array[] => network.layers.map(() => new Float32Array(network.longest * network.width));
    [this.keys, this.values] = [cache(), cache()];
  }

  /** Read a token. */
  next(token: number, off: Off = () => false): Step {
    const { network } = this;
    if (this.length >= network.longest) throw new Error(`A sequence has at most ${network.longest} tokens.`);
    const { params, width: D } = network;
    const [embed, places] = [params["embed/embedding"].values, params["positions/embedding"].values];
    const x = Float32Array.from({ length: D }, (_, d) => embed[token * D + d] + places[this.length * D + d]);
    const stream = [x.slice()];
    network.layers.forEach((arrays, layer) => {
      add(x, this.attend(norm(x, arrays["norm_attn/scale"]), layer, off));
      const inner = norm(x, arrays["norm_mlp/scale"]);
      const gate = times(inner, arrays["mlp/gate/kernel"]);
      const up = times(inner, arrays["mlp/up/kernel"]);
      add(x, times(up.map((u, f) => (u * gate[f]) / (1 + Math.exp(-gate[f]))), arrays["mlp/down/kernel"]));
      stream.push(x.slice());
    });
    this.length += 1;
    return { logits: times(norm(x, params["norm/scale"]), params["unembed/kernel"]), stream };
  }

  private attend(x: Float32Array, layer: number, off: Off): Float32Array {
    const { layers, heads: H, width: D } = this.network;
    const arrays = layers[layer];
    const K = arrays["attn/w_q"].shape[2];
    const q = times(x, arrays["attn/w_q"]);
    const [keys, values] = [this.keys[layer], this.values[layer]];
    const at = this.length * H * K;
    keys.set(times(x, arrays["attn/w_k"]), at);
    values.set(times(x, arrays["attn/w_v"]), at);
    const z = new Float32Array(H * K);
    for (let head = 0; head < H; head++) {
      if (off(layer, head)) continue;
      const scores = Array.from({ length: this.length + 1 }, (_, m) => {
        let sum = 0;
        for (let j = 0; j < K; j++) sum += q[head * K + j] * keys[(m * H + head) * K + j];
        return sum / Math.sqrt(K);
      });
      softmax(scores).forEach((share, m) => {
        for (let j = 0; j < K; j++) z[head * K + j] += share * values[(m * H + head) * K + j];
      });
    }
    return times(z, { shape: [H * K, D], values: arrays["attn/w_o"].values });
  }
}

function norm(x: Float32Array, { values }: Tensor): Float32Array {
  const square = x.reduce((sum, value) => sum + value * value, 0) / x.length;
  const over = 1 / Math.sqrt(square + EPS);
  return x.map((value, d) => value * over * values[d]);
}

function add(x: Float32Array, more: Float32Array): void {
  for (let i = 0; i < x.length; i++) x[i] += more[i];
}
