/** A population that learns to add, in the worker. */

import { jit, tree, type numpy as np } from "@jax-js/jax";

import { each, Population } from "../numerics/adamw";
import { toTable, type Tree } from "../numerics/arrays";
import type { Look, Settings, Trainer } from "../train/protocol";
import { batch, initial, losses, pairs, scores, split } from "./model";

const BETAS = { b1: 0.9, b2: 0.98 }; // as Nanda et al. 2023
const test = jit(scores);

class Grokking implements Trainer {
  private readonly population: Population;
  private readonly training: Tree;
  private readonly all: Tree;
  private readonly masks: Uint8Array[];
  private last: np.Array | null = null;

  constructor(private settings: Settings) {
    const [p, count] = [Number(settings.p), Number(settings.members)];
    const seed = 1000 * Number(settings.seed);
    const fraction = Number(settings.fraction);
    this.masks = Array.from({ length: count }, (_, i) => split(p, fraction, seed + i));
    this.training = batch(this.masks.map((mask) => pairs(p, (pair) => mask[pair] === 1)));
    this.all = pairs(p, () => true);
    const { rate, decay } = this.numbers();
    this.population = new Population(initial(p, count, seed), losses, rate, decay, BETAS);
  }

  get step(): number {
    return this.population.step;
  }

  private numbers(): { rate: Float32Array; decay: Float32Array } {
    const count = Number(this.settings.members);
    return { rate: each(count, Number(this.settings.rate)), decay: each(count, Number(this.settings.decay)) };
  }

  advance(): void {
    this.last?.dispose();
    this.last = this.population.advance(tree.ref(this.training));
  }

  async settle(): Promise<void> {
    await this.last?.ref.data();
  }

  /** Loss and accuracy on training and other pairs, (P, 4); which pairs are right; the parameters. */
  async look(): Promise<Look> {
    const { params } = this.population;
    const [nats, right] = test(tree.ref(params), tree.ref(this.all));
    const [losses, hits] = [await toTable(nats), await toTable(right)];
    tree.dispose([nats, right]);
    const pairs = hits.shape[1];
    const scores = new Float32Array(4 * this.masks.length);
    const mask = new Float32Array(hits.values.length);
    this.masks.forEach((trained, i) => {
      mask.set(trained, i * pairs);
      const part = (values: Float32Array): Float32Array => values.subarray(i * pairs, (i + 1) * pairs);
      scores.set([...halves(part(losses.values), trained), ...halves(part(hits.values), trained)], 4 * i);
    });
    return {
      scores: { shape: [this.masks.length, 4], values: scores },
      right: hits,
      mask: { shape: hits.shape, values: mask },
      embed: await toTable(params.embed),
      first: await toTable(params["layers/0/kernel"]),
      second: await toTable(params["layers/1/kernel"]),
    };
  }

  set(settings: Settings): void {
    this.settings = { ...this.settings, ...settings };
    const { rate, decay } = this.numbers();
    this.population.set(rate, decay);
  }

  dispose(): void {
    this.last?.dispose();
    tree.dispose([this.training, this.all]);
    this.population.dispose();
  }
}

/** Mean over the training pairs, and over the others. */
function halves(values: Float32Array, mask: Uint8Array): [number, number] {
  const [sums, counts] = [[0, 0], [0, 0]];
  values.forEach((value, i) => {
    sums[1 - mask[i]] += value;
    counts[1 - mask[i]] += 1;
  });
  return [sums[0] / counts[0], sums[1] / counts[1]];
}

/** Make a population. */
export function grokking(settings: Settings): Trainer {
  return new Grokking(settings);
}
