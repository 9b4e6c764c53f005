/**
 * The network of the study `self_verification`, with the probe of its verdict: it writes a trace, and
 * under every token of an attempt the probe reads whether it believes the attempt to be right.
 *
 * Heads are switched off at the two tokens before a verdict, the result and "(", or at every token.
 */

import { softmax } from "../inside/network";
import { Stepper, type Off, type Sequence, type Step } from "../inside/stepper";
import type { Tensor, Tensors } from "../inside/tensors";
import type { Random } from "../numerics/random";
import { Rules, type Problem } from "./rules";

export type Head = [layer: number, head: number];

/** Which heads are off, and where. */
export interface Cut {
  heads: Head[];
  everywhere: boolean;
}

/** One token of a trace. */
export interface Written {
  word: string;
  /** Attempt that it stands in, from 0; the answer is one more. */
  line: number;
  /** Place in its attempt. */
  place: number;
  /** The probe's belief that the attempt is right, from 0 to 1; null where there is none. */
  belief: number | null;
  /** Whether it was put there, not written by the network. */
  given: boolean;
}

/** How a trace is written. */
export interface Wish {
  problem: Problem;
  cut: Cut;
  /** Draws tokens; without it the likeliest is taken. */
  random?: Random;
  /** Tokens that are put after the prompt. */
  given?: number[];
}

/** The network. */
export class Player {
  readonly rules: Rules;
  readonly network: Stepper;
  readonly about: Record<string, string>;
  /** Heads that the study switches off: those that carry most of the verdict. */
  readonly heads: Head[];
  /** Share of the verdict that each head carries, (layers, heads). */
  readonly carried: number[][];
  /** Problems that it never saw, and which of them is shown first. */
  readonly problems: Problem[];
  readonly first: number;
  private readonly weight: Tensor;
  private readonly bias: Tensor;

  constructor({ about, arrays }: Tensors) {
    const params = Object.entries(arrays).filter(([name]) => name.startsWith("params/"));
    this.network = new Stepper(Object.fromEntries(params.map(([name, tensor]) => [name.slice(7), tensor])));
    const missing = ["probe/weight", "probe/bias", "patch", "problems"].find((name) => !arrays[name]);
    if (missing) throw new Error(`It holds no ${missing}.`);
    this.about = about;
    this.rules = new Rules(told(about.rules, "rules"));
    if (this.rules.settings.numbers !== 3) throw new Error("It plays with more or fewer than the three numbers of this page.");
    this.heads = told(about.heads, "heads");
    [this.weight, this.bias] = [arrays["probe/weight"], arrays["probe/bias"]];
    this.carried = rows(arrays.patch);
    this.first = Number(about.first);
    this.problems = rows(arrays.problems).map(([target, ...numbers]) => ({ target, numbers }));
  }

  /** Write a trace, token by token. */
  *write({ problem, cut, random, given = [] }: Wish): Generator<Written> {
    const { rules, network } = this;
    const sequence = network.start();
    let step: Step | undefined;
    for (const token of rules.ask(problem)) step = sequence.next(token, this.off(cut, -1, false));
    let last = false; // the answer has begun
    for (let place = 0; sequence.length < network.longest; place++) {
      const token = given[place] ?? pick(step!.logits, random);
      const word = rules.word(token);
      last ||= word === "ANS";
      const at = place % rules.attempt;
      const ended = word === "EOS" || word === "PAD";
      step = ended ? undefined : sequence.next(token, this.off(cut, at, last));
      const believed = step && !last && at < rules.attempt - 1;
      const line = Math.floor(place / rules.attempt);
      yield { word, line, place: at, belief: believed ? this.belief(step!, at) : null, given: place < given.length };
      if (ended) return;
    }
  }

  /** Whether the network says ok to an attempt that is put before it, tokens up to its result. */
  accepts(problem: Problem, attempt: number[], cut: Cut): boolean {
    const { rules } = this;
    const sequence: Sequence = this.network.start();
    for (const token of rules.ask(problem)) sequence.next(token, this.off(cut, -1, false));
    const tokens = [...attempt, rules.token("(")];
    const steps = tokens.map((token, at) => sequence.next(token, this.off(cut, at, false)));
    return rules.word(pick(steps.at(-1)!.logits)) === "ok";
  }

  private off({ heads, everywhere }: Cut, at: number, last: boolean): Off {
    const here = everywhere || (!last && (at === this.rules.attempt - 3 || at === this.rules.attempt - 2));
    return (layer, head) => here && heads.some(([u, h]) => u === layer && h === head);
  }

  private belief({ stream }: Step, at: number): number {
    const x = stream[Number(this.about.layer)];
    let score = this.bias.values[at];
    for (let d = 0; d < x.length; d++) score += x[d] * this.weight.values[at * x.length + d];
    return 1 / (1 + Math.exp(-score));
  }
}

/** The likeliest token, or one that is drawn. */
function pick(logits: Float32Array, random?: Random): number {
  if (!random) return logits.indexOf(Math.max(...logits));
  const shares = softmax(logits);
  let left = random.one();
  const found = shares.findIndex((share) => (left -= share) < 0);
  return found < 0 ? shares.length - 1 : found;
}

function rows({ shape, values }: Tensor): number[][] {
  const wide = shape[1];
  return Array.from({ length: shape[0] }, (_, i) => Array.from(values.subarray(i * wide, (i + 1) * wide)));
}

function told<T>(text: string | undefined, what: string): T {
  try {
    return JSON.parse(text ?? "") as T;
  } catch {
    throw new Error(`It says nothing of its ${what}.`);
  }
}
