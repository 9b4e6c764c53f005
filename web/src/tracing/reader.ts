/**
 * Networks of the study `graph_tracing`, and many walks on one graph that one of them reads side by side.
 *
 * What it makes of a word is the mean of its residual stream over the word's visits in the latest
 * places of all walks, as the class means of the study are.
 */

import { Network, softmax, type Pass } from "../inside/network";
import type { Tensors } from "../inside/tensors";
import { Random } from "../numerics/random";
import { energy, type Vectors } from "./geometry";
import { follow, type Graph } from "./graphs";

/** Energy that perfect lists of each node's neighbours would have. */
export function listed(graph: Graph): number {
  const lists = graph.near.map((near, node) => Float64Array.from(graph.near, (_, other) => Number(near.includes(other)) / graph.near[node].length));
  return energy(lists, graph);
}

/** Walks read side by side; the first is the reader's own. */
export const WALKS = 32;
/** Places of the context that means pool. */
export const WINDOW = 8;

/** The networks of a file. */
export class Tracers {
  readonly networks: Network[];
  readonly about: Record<string, string>;
  /** Words that they know. */
  readonly tokens: number;
  /** Words of the longest context that they were trained on. */
  readonly longest: number;

  constructor({ about, arrays }: Tensors) {
    const seeds = (about.seeds ?? "").split(" ").filter(Boolean);
    this.networks = seeds.map((_, i) => {
      const mine = Object.entries(arrays).filter(([name]) => name.startsWith(`${i}/`));
      return new Network(Object.fromEntries(mine.map(([name, tensor]) => [name.slice(`${i}/`.length), tensor])), "gelu", "rope");
    });
    [this.about, this.longest] = [about, Number(about.length)];
    if (!seeds.length || !(this.longest > 1)) throw new Error("It does not say what it holds.");
    this.tokens = this.networks[0].vocab - 1;
  }
}

/** Where the residual stream is read: before the first block, then after each attention and each block. */
export function sites({ mid, stream }: Pass): Float32Array[] {
  return [stream[0], ...mid.flatMap((x, block) => [x, stream[block + 1]])];
}

/** Walks on one graph, with one word on each node, and what the network makes of them. */
export class Reading {
  /** Token of each node. */
  readonly tokens: number[];
  readonly walks: number[][];
  /** The same words in random order: no step of it follows the graph. */
  readonly shuffled: number[][];
  private readonly passes: (Pass | undefined)[] = Array(WALKS);
  private readonly controls: (Pass | undefined)[] = Array(WALKS);

  constructor(
    readonly tracers: Tracers,
    readonly graph: Graph,
    readonly seed: number,
    private readonly network: Network,
  ) {
    const random = new Random(seed, "walks");
    const n = graph.points.length;
    this.tokens = [...random.order(tracers.tokens)].slice(0, n);
    // Walk i begins at node i mod n, so that every word has been met from the first place on.
    this.walks = Array.from({ length: WALKS }, (_, i) => follow(graph, [i % n], tracers.longest, random));
    this.shuffled = this.walks.map((walk) => [...random.order(walk.length)].map((place) => walk[place]));
  }

  /** Read one more walk; false when all are read. The shuffled ones come last. */
  more(): boolean {
    for (const [passes, walks] of [[this.passes, this.walks], [this.controls, this.shuffled]] as const) {
      const next = walks.findIndex((_, i) => !passes[i]);
      if (next < 0) continue;
      passes[next] = this.read(walks[next]);
      return true;
    }
    return false;
  }

  /** Whether all walks are read, and whether the shuffled ones are, too. */
  get done(): { walks: boolean; controls: boolean } {
    const all = (passes: (Pass | undefined)[]): boolean => this.walks.every((_, i) => passes[i]);
    return { walks: all(this.passes), controls: all(this.controls) };
  }

  /** Let the reader's own walk be another from some place on. */
  walk(own: number[]): void {
    const random = new Random(this.seed, `own ${own.join(" ")}`);
    this.walks[0] = follow(this.graph, own, this.tracers.longest, random);
    this.passes[0] = this.read(this.walks[0]);
  }

  /** Mean vector of each node at a site, when `count` words have been read; null where one is unmet. */
  means(site: number, count: number, shuffled = false): Vectors | null {
    const [walks, passes] = shuffled ? [this.shuffled, this.controls] : [this.walks, this.passes];
    const D = this.network.width;
    const sums: Vectors = this.graph.points.map(() => new Float64Array(D));
    const visits = this.graph.points.map(() => 0);
    walks.forEach((walk, i) => {
      const pass = passes[i];
      const x = pass && sites(pass)[site];
      for (let place = Math.max(0, count - WINDOW); x && place < count; place++) {
        const sum = sums[walk[place]];
        visits[walk[place]] += 1;
        for (let d = 0; d < D; d++) sum[d] += x[place * D + d];
      }
    });
    if (visits.includes(0)) return null;
    return sums.map((sum, node) => sum.map((value) => value / visits[node]));
  }

  /** Energy of the means at a site after 1, 2, ... words; NaN where a word is unmet. */
  energies(site: number, shuffled = false): number[] {
    return Array.from({ length: this.tracers.longest }, (_, place) => {
      const means = this.means(site, place + 1, shuffled);
      return means ? energy(means, this.graph) : NaN;
    });
  }

  /** Chance of each node as the next word of the reader's own walk after `count` words; and of others. */
  chances(count: number): { nodes: number[]; others: number } {
    const shares = this.shares(0, count);
    const nodes = this.tokens.map((token) => shares[token]);
    return { nodes, others: 1 - nodes.reduce((a, b) => a + b, 0) };
  }

  /** Mean chance that is on neighbours other than the word before, after 1, 2, ... words. */
  mass(): number[] {
    return Array.from({ length: this.tracers.longest }, (_, place) => {
      const each = this.walks.flatMap((walk, i) => {
        if (!this.passes[i]) return [];
        const shares = this.shares(i, place + 1);
        const open = this.graph.near[walk[place]].filter((node) => node !== walk[place - 1]);
        return [open.reduce((sum, node) => sum + shares[this.tokens[node]], 0)];
      });
      return each.reduce((a, b) => a + b, 0) / each.length;
    });
  }

  private shares(walk: number, count: number): number[] {
    const V = this.network.vocab;
    return softmax(this.passes[walk]!.logits.subarray((count - 1) * V, count * V));
  }

  private read(walk: number[]): Pass {
    return this.network.run(walk.map((node) => this.tokens[node]));
  }
}
