/**
 * Who is in the population: a member is a row of numbers, and each view of the page has its own.
 *
 * All start from seeds of their own. *picture*: they differ in nothing else. *sweep*: in density
 * too, from 1 to 1/20, as in the notebook of Elhage et al. *phase*: a grid of density and relative
 * importance of the last feature.
 */

import type { Settings } from "../train/protocol";

export const SIDE = 12; // cells of the phase diagram, each way
export const TRY = 500; // steps of each try at it
const SPARSEST = 20;

export interface Members {
  density: Float32Array;
  importance: Float32Array;
  /** Relative importance of the last feature. */
  ratio: Float32Array;
}

/** Densities and importances of a view's members. */
export function members(settings: Settings): Members {
  const view = settings.view;
  const features = Number(settings.features);
  const count = view === "phase" ? SIDE * SIDE : Number(settings.members);
  const density = new Float32Array(count).fill(Number(settings.density));
  const ratio = new Float32Array(count).fill(1);
  for (let p = 0; p < count; p++) {
    if (view === "sweep") density[p] = SPARSEST ** -(count > 1 ? p / (count - 1) : 0);
    if (view === "phase") {
      density[p] = logspace(0.01, 1, SIDE, Math.floor(p / SIDE));
      ratio[p] = logspace(0.1, 10, SIDE, p % SIDE);
    }
  }
  const base = view === "picture" ? Number(settings.importance) : 1;
  return { density, ratio, importance: importances(features, base, ratio) };
}

/** Number i of `count`, evenly in the logarithm from low to high. */
function logspace(low: number, high: number, count: number, i: number): number {
  return low * (high / low) ** (count > 1 ? i / (count - 1) : 0);
}

/** Importances (P, N): `base^i`, the last one times each member's own factor. */
export function importances(features: number, base: number, last: Float32Array): Float32Array {
  const out = new Float32Array(last.length * features);
  for (let p = 0; p < last.length; p++) {
    for (let i = 0; i < features; i++) {
      out[p * features + i] = base ** i * (i === features - 1 ? last[p] : 1);
    }
  }
  return out;
}
