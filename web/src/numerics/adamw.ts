/**
 * Training a population: every array has a leading axis P of members, and one compiled step moves
 * all of them.
 *
 * As `toylab.optim.AdamW`: w <- w - rate (m / (sqrt(v) + eps) + decay w), with m and v the moments
 * with their bias corrected, and rate and decay of each member's own.
 */

import { jit, numpy as np, tree, valueAndGrad } from "@jax-js/jax";

import { toArray, type Tree, zerosLike } from "./arrays";

/** Losses (P,) of a population, from its parameters and what it is shown. It consumes both. */
export type Losses = (params: Tree, data: Tree) => np.Array;

export interface Betas {
  b1: number;
  b2: number;
}

const EPS = 1e-8;

interface State {
  [name: string]: Tree;
  params: Tree;
  first: Tree;
  second: Tree;
}

/** A population under training. */
export class Population {
  step = 0;
  private state: State;
  private rate: np.Array;
  private decay: np.Array;
  private readonly update: Update;

  /**
   * @param params initial parameters, leading axis P; they are consumed.
   * @param losses loss of each member.
   * @param rate learning rate of each member, (P,).
   * @param decay weight decay of each member, (P,).
   */
  constructor(
    params: Tree,
    losses: Losses,
    rate: Float32Array,
    decay: Float32Array,
    private readonly betas: Betas = { b1: 0.9, b2: 0.999 },
  ) {
    const [first, second] = [zerosLike(params), zerosLike(params)];
    this.state = { params, first, second };
    this.rate = toArray(rate, [rate.length]);
    this.decay = toArray(decay, [decay.length]);
    this.update = compiled(losses, betas);
  }

  /** Parameters as they are now; take `.ref` of what you keep. */
  get params(): Tree {
    return this.state.params;
  }

  /** Change learning rates and decays, without compiling anew. */
  set(rate: Float32Array, decay: Float32Array): void {
    this.rate.dispose();
    this.decay.dispose();
    this.rate = toArray(rate, [rate.length]);
    this.decay = toArray(decay, [decay.length]);
  }

  /** Take one step on `data`, which is consumed; return the losses (P,) before it. */
  advance(data: Tree): np.Array {
    this.step += 1;
    const corrections = Float32Array.of(
      1 - this.betas.b1 ** this.step,
      1 - this.betas.b2 ** this.step,
    );
    const numbers = { rate: this.rate.ref, decay: this.decay.ref, corrections: np.array(corrections) };
    const [state, losses] = this.update(this.state, data, numbers);
    this.state = state as State;
    return losses;
  }

  /** Free the memory. */
  dispose(): void {
    tree.dispose(this.state);
    this.rate.dispose();
    this.decay.dispose();
  }
}

type Update = ReturnType<typeof compile>;
const STEPS = new Map<Losses, Update>();

/** The compiled step of these losses, kept: populations of the same kind start again at once. */
function compiled(losses: Losses, betas: Betas): Update {
  if (!STEPS.has(losses)) STEPS.set(losses, compile(losses, betas));
  return STEPS.get(losses)!;
}

function compile(losses: Losses, { b1, b2 }: Betas) {
  const total = (params: Tree, data: Tree): [np.Array, np.Array] => {
    const each = losses(params, data);
    return [each.ref.sum(), each];
  };
  const slope = valueAndGrad(total, { hasAux: true });
  return jit((state: State, data: Tree, numbers: Tree): [State, np.Array] => {
    const { params, first, second } = state;
    const [[sum, each], grads] = slope(tree.ref(params), data);
    sum.dispose();
    const [c1, c2] = np.split(numbers.corrections, 2);
    const next: State = { params: {}, first: {}, second: {} };
    for (const name of Object.keys(params)) {
      const grad = grads[name];
      const m = first[name].mul(b1).add(grad.ref.mul(1 - b1));
      const v = second[name].mul(b2).add(np.square(grad).mul(1 - b2));
      const moved = m.ref.div(c1.ref).div(np.sqrt(v.ref.div(c2.ref)).add(EPS));
      const shape = params[name].shape.map((size, axis) => (axis ? 1 : size));
      const [rate, decay] = [numbers.rate.ref.reshape(shape), numbers.decay.ref.reshape(shape)];
      const change = moved.add(params[name].ref.mul(decay)).mul(rate);
      next.params[name] = params[name].sub(change);
      next.first[name] = m;
      next.second[name] = v;
    }
    tree.dispose([c1, c2, numbers.rate, numbers.decay]);
    return [next, each];
  });
}

/** The same number for each of P members. */
export function each(count: number, value: number): Float32Array {
  return new Float32Array(count).fill(value);
}

/** Parameters of a population from each member's own. */
export function stacked(members: Record<string, { shape: number[]; values: Float32Array }>[]): Tree {
  const out: Tree = {};
  for (const [name, { shape, values }] of Object.entries(members[0])) {
    const all = new Float32Array(values.length * members.length);
    members.forEach((member, i) => all.set(member[name].values, i * values.length));
    out[name] = toArray(all, [members.length, ...shape]);
  }
  return out;
}
