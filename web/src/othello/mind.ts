/**
 * The network of the study `othello` with a linear probe of its board, and edits of that board.
 *
 * An edit adds, after the attention of every layer from `start` on, the unit vector of the probe from a
 * square's old state to its new one, as long as `strength` times the layer's spread: as in the study
 * `othello_interventions`, which chose both on validation games.
 */

import { Network, softmax, type Edit } from "../inside/network";
import type { Tensor, Tensors } from "../inside/tensors";
import { Random } from "../numerics/random";
import { EMPTY } from "./rules";

/** What an edit wants: a square, and its states, 0 empty, 1 mine, 2 theirs, for the player to move. */
export interface Wish {
  square: number;
  from: number;
  to: number;
  /** Times the strength of the study. */
  times: number;
  /** In a random direction of the same length instead. */
  random: boolean;
}

/** What the network makes of a game so far. */
export interface Thought {
  /** Chance of each square as the next move, (N). */
  chances: number[];
  /** The probe's score of each state at each layer, (layers, 3 N). */
  scores: Float32Array[];
}

/** The network with its probe. */
export class Mind {
  readonly size: number;
  readonly layers: number;
  readonly longest: number;
  readonly about: Record<string, string>;
  /** The layer at which the probe reads most squares right. */
  readonly best: number;
  private readonly network: Network;
  private readonly arrays: Record<string, Tensor>;
  /** Square of each token; -1 for the first. */
  private readonly squares: number[];

  constructor({ about, arrays }: Tensors) {
    const params = Object.entries(arrays).filter(([name]) => name.startsWith("params/"));
    this.network = new Network(Object.fromEntries(params.map(([name, tensor]) => [name.slice(7), tensor])), "gelu");
    this.size = Math.sqrt(this.network.vocab + 3);
    const missing = ["probe/weight", "probe/bias", "edit/vectors", "edit/spread"].find((name) => !arrays[name]);
    if (missing || !Number.isInteger(this.size)) throw new Error(`It holds no ${missing ?? "Othello board"}.`);
    [this.arrays, this.about] = [arrays, about];
    [this.layers, this.longest, this.best] = [this.network.depth, this.network.longest, Number(about.layer)];
    const half = this.size / 2;
    const centre = [half - 1, half].flatMap((r) => [half - 1, half].map((c) => r * this.size + c));
    const all = Array.from({ length: this.size ** 2 }, (_, square) => square);
    this.squares = [-1, ...all.filter((square) => !centre.includes(square))];
  }

  /** Run on the moves of a game, with an edit at the last of them. */
  think(moves: number[], wish?: Wish): Thought {
    const edit: Edit = (layer, position, x) => {
      if (wish && position === moves.length - 1) this.push(layer, x, wish);
    };
    const { logits, mid } = this.network.run(moves.map((square) => this.squares.indexOf(square)), edit);
    const shares = softmax(logits.subarray(logits.length - this.network.vocab));
    const chances = Array(this.size ** 2).fill(0);
    shares.forEach((share, token) => {
      if (token) chances[this.squares[token]] = share;
    });
    return { chances, scores: mid.map((x, layer) => this.read(layer, x)) };
  }

  /** The states that a thought's probe reads at a layer: the one of the greatest score, with it. */
  board({ scores }: Thought, layer: number): { state: number; score: number }[] {
    return Array.from({ length: this.size ** 2 }, (_, square) => {
      const three = Array.from(scores[layer].subarray(3 * square, 3 * square + 3));
      const score = Math.max(...three);
      return { state: three.indexOf(score), score };
    });
  }

  private read(layer: number, mid: Float32Array): Float32Array {
    const D = this.network.width;
    const last = mid.subarray(mid.length - D);
    const [weight, bias] = [this.arrays["probe/weight"].values, this.arrays["probe/bias"].values];
    const many = 3 * this.size ** 2;
    const out = bias.slice(layer * many, (layer + 1) * many);
    for (let d = 0; d < D; d++) {
      const row = weight.subarray((layer * D + d) * many, (layer * D + d + 1) * many);
      for (let j = 0; j < many; j++) out[j] += last[d] * row[j];
    }
    return out;
  }

  private push(layer: number, x: Float32Array, { square, from, to, times, random }: Wish): void {
    if (layer < Number(this.about.start) || from === to) return;
    const vectors = this.arrays["edit/vectors"].values; // (layers, N, 3, D)
    const D = x.length;
    const at = (state: number): number => ((layer * this.size ** 2 + square) * 3 + state) * D;
    const along = random
      ? new Random(square, `direction ${layer}`).normal(D)
      : Float32Array.from({ length: D }, (_, d) => vectors[at(to) + d] - vectors[at(from) + d]);
    const length = Math.hypot(...along) || 1;
    const size = (times * Number(this.about.strength) * this.arrays["edit/spread"].values[layer]) / length;
    for (let d = 0; d < D; d++) x[d] += size * along[d];
  }
}

/** A disc's state as the player to move has it: 1 mine, 2 theirs. */
export function seenBy(mover: number, disc: number): number {
  return disc === EMPTY ? EMPTY : disc === mover ? 1 : 2;
}

/** The n likeliest squares. */
export function likeliest(chances: number[], n: number): number[] {
  return chances
    .map((chance, square) => ({ chance, square }))
    .sort((a, b) => b.chance - a.chance || a.square - b.square)
    .slice(0, n)
    .map(({ square }) => square);
}
