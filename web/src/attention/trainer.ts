/** A population that learns to copy, in the worker. */

import { jit, tree, type numpy as np } from "@jax-js/jax";

import { each, Population } from "../numerics/adamw";
import { toArray, toTable, type Table, type Tree } from "../numerics/arrays";
import { correct, crossEntropy } from "../numerics/losses";
import { Random } from "../numerics/random";
import type { Look, Settings, Trainer } from "../train/protocol";
import { apply, initial, losses, oneHot, positions } from "./model";
import { draw, scores, type Batch, type World } from "./repeats";

const WORLD: World = { tokens: 8, length: 16, shortest: 4, longest: 7 };
const BETAS = { b1: 0.9, b2: 0.98 };
const DECAY = 0.01;
const BATCH = 32;
const EVALUATED = 16; // sequences of the longest period, on which scores are taken

/** Nats and correctness of every position, (P, B L), and the pattern of each layer. */
const test = jit((params: Tree, data: Tree): [np.Array, np.Array, np.Array[]] => {
  const { tokens, answers, gates, ...where } = data;
  const [B, L, V] = answers.shape;
  const [logits, patterns] = apply(params, tokens, where, gates);
  const wanted = answers.reshape([1, B * L, V]);
  return [crossEntropy(logits.ref, wanted.ref), correct(logits, wanted), patterns];
});

class Attention implements Trainer {
  private readonly population: Population;
  private readonly where: Tree;
  private readonly random: Random;
  private readonly layers: number;
  private readonly heads: number;
  private readonly members: number;
  private last: np.Array | null = null;

  constructor(private settings: Settings) {
    [this.layers, this.heads, this.members] = [settings.depth, settings.heads, settings.members].map(Number);
    const width = Number(settings.width);
    const seed = 1000 * Number(settings.seed);
    this.random = new Random(seed, "batches");
    this.where = positions(WORLD.length, width / this.heads);
    const shape = { tokens: WORLD.tokens, width, heads: this.heads, depth: this.layers };
    const rate = each(this.members, Number(settings.rate));
    const decay = each(this.members, DECAY);
    this.population = new Population(initial(shape, this.members, seed), losses, rate, decay, BETAS);
  }

  get step(): number {
    return this.population.step;
  }

  advance(): void {
    const batch = draw(WORLD, BATCH, this.random);
    const weights = toArray(batch.weights, [BATCH, WORLD.length]);
    this.last?.dispose();
    this.last = this.population.advance({ ...this.shown(batch), weights });
  }

  async settle(): Promise<void> {
    await this.last?.ref.data();
  }

  private shown(batch: Batch): Tree {
    const { length, tokens } = WORLD;
    return {
      tokens: oneHot(batch.inputs, length, tokens),
      answers: oneHot(batch.targets, length, tokens),
      ...tree.ref(this.where),
    };
  }

  /**
   * Per member: patterns (P, heads of all layers, L, L) and the nats (P, L) of the sequence shown;
   * induction and previous-token scores of every head, (P, heads, 2); accuracy of copies, (P,), and
   * that without the head that is switched off.
   */
  async look(): Promise<Look> {
    const period = Number(this.settings.period);
    const one = draw({ ...WORLD, shortest: period, longest: period }, 1, new Random(1, "shown"));
    const fixed = draw({ ...WORLD, shortest: WORLD.longest }, EVALUATED, new Random(2, "scored"));
    const off = Number(this.settings.off); // from 1; 0 for none
    const [seen, scored] = [await this.run(one, off), await this.run(fixed, 0)];
    const cut = off > 0 ? await this.run(fixed, off) : scored;
    const count = this.layers * this.heads;
    const table = new Float32Array(this.members * count * 2);
    const [accuracy, without] = [new Float32Array(this.members), new Float32Array(this.members)];
    for (let p = 0; p < this.members; p++) {
      scored.patterns.forEach((layer, i) => {
        const found = scores(part(layer, p), layer.shape.slice(1, 4), WORLD.longest);
        for (let h = 0; h < this.heads; h++) {
          const place = 2 * (p * count + i * this.heads + h);
          table.set([found.induction[h], found.previous[h]], place);
        }
      });
      accuracy[p] = weighted(part(scored.right, p), fixed.weights);
      without[p] = weighted(part(cut.right, p), fixed.weights);
    }
    return {
      pattern: joined(seen.patterns),
      nats: seen.nats,
      tokens: { shape: [WORLD.length], values: Float32Array.from(one.inputs) },
      scores: { shape: [this.members, count, 2], values: table },
      accuracy: { shape: [this.members], values: accuracy },
      without: { shape: [this.members], values: without },
    };
  }

  private async run(batch: Batch, off: number): Promise<{ nats: Table; right: Table; patterns: Table[] }> {
    const gates = Float32Array.from({ length: this.layers * this.heads }, (_, head) => Number(head + 1 !== off));
    const data = { ...this.shown(batch), gates: toArray(gates, [this.layers, this.heads]) };
    const [nats, right, patterns] = test(tree.ref(this.population.params), data);
    const found = {
      nats: await toTable(nats),
      right: await toTable(right),
      patterns: await Promise.all(patterns.map(toTable)),
    };
    tree.dispose([nats, right, patterns]);
    return found;
  }

  set(settings: Settings): void {
    this.settings = { ...this.settings, ...settings };
    this.population.set(each(this.members, Number(this.settings.rate)), each(this.members, DECAY));
  }

  dispose(): void {
    this.last?.dispose();
    tree.dispose(this.where);
    this.population.dispose();
  }
}

/** One member's numbers. */
function part({ shape, values }: Table, p: number): Float32Array {
  const size = values.length / shape[0];
  return values.subarray(p * size, (p + 1) * size);
}

/** Patterns (P, 1, H, L, L) of several layers as (P, layers H, L, L). */
function joined(layers: Table[]): Table {
  const [members, , heads, length] = layers[0].shape;
  const size = heads * length * length;
  const values = new Float32Array(members * layers.length * size);
  for (let p = 0; p < members; p++) {
    layers.forEach((layer, i) => values.set(part(layer, p), (p * layers.length + i) * size));
  }
  return { shape: [members, layers.length * heads, length, length], values };
}

function weighted(values: Float32Array, weights: Float32Array): number {
  let [sum, total] = [0, 0];
  weights.forEach((weight, i) => {
    sum += weight * values[i];
    total += weight;
  });
  return sum / total;
}

/** Make a population. */
export function attention(settings: Settings): Trainer {
  return new Attention(settings);
}
