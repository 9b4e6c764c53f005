/** A population of autoencoders in the worker, with densities, importances and rates that may change. */

import type { numpy as np } from "@jax-js/jax";

import { each, Population } from "../numerics/adamw";
import { toTable } from "../numerics/arrays";
import { Random } from "../numerics/random";
import type { Look, Settings, Trainer } from "../train/protocol";
import { members, TRY, type Members } from "./members";
import { data, initial, LOSSES, type Activation } from "./model";

const DECAY = 0.01; // of Torch's AdamW, which the code of Elhage et al. takes as it is

class Superposition implements Trainer {
  private readonly population: Population;
  private readonly random: Random;
  private readonly features: number;
  private readonly batch: number;
  private all: Members;
  private last: np.Array | null = null;

  constructor(private settings: Settings) {
    this.all = members(settings);
    const sizes = { features: Number(settings.features), hidden: Number(settings.hidden) };
    this.features = sizes.features;
    this.batch = Number(settings.batch);
    const seed = 1000 * Number(settings.seed) + 200 * Number(settings.round ?? 0);
    const count = this.all.density.length;
    this.random = new Random(seed, "batches");
    this.population = new Population(
      initial(sizes, count, seed),
      LOSSES[settings.activation as Activation],
      each(count, Number(settings.rate)),
      each(count, this.decay),
    );
  }

  /** None in the phase diagram: there it moves the optimum. */
  private get decay(): number {
    return this.settings.view === "phase" ? 0 : DECAY;
  }

  get step(): number {
    return this.population.step;
  }

  advance(): void {
    if (this.settings.view === "phase") this.anneal();
    const draws = this.random.uniform(this.features * this.batch);
    const { density, importance } = this.all;
    this.last?.dispose();
    this.last = this.population.advance(data(draws, this.features, density, importance));
  }

  async settle(): Promise<void> {
    await this.last?.ref.data();
  }

  async look(): Promise<Look> {
    const { W, b } = this.population.params;
    const look: Look = { W: await toTable(W), b: await toTable(b) };
    if (this.last) look.losses = await toTable(this.last);
    return look;
  }

  set(settings: Settings): void {
    this.settings = { ...this.settings, ...settings };
    this.all = members(this.settings);
    const count = this.all.density.length;
    this.population.set(each(count, Number(this.settings.rate)), each(count, this.decay));
  }

  /** The phase diagram's rate falls as half a cosine, as in the study. */
  private anneal(): void {
    const share = 0.5 * (1 + Math.cos((Math.PI * Math.min(this.step, TRY)) / TRY));
    const count = this.all.density.length;
    this.population.set(each(count, Number(this.settings.rate) * share), each(count, this.decay));
  }

  dispose(): void {
    this.last?.dispose();
    this.population.dispose();
  }
}

/** Make a population for one of the views of the page. */
export function superposition(settings: Settings): Trainer {
  return new Superposition(settings);
}
