/**
 * The tied autoencoder of Elhage et al. 2022, x' = sigma(W^T W x + b), for a population.
 *
 * As `toylab.models.Autoencoder` on `toylab.tasks.superposition.sparse.Sparse`: weights start as
 * N(0, 2 / (N + M)), biases at 0; a feature is 0 with probability 1 - density and otherwise U[0, 1];
 * the loss is sum_i importance_i (x_i - x'_i)^2, averaged over the batch. All members share the
 * draws: feature i is u / density where that is at most 1.
 *
 * Axes: P members, N features, M hidden, B batch.
 */

import { nn, numpy as np } from "@jax-js/jax";

import { stacked, type Losses } from "../numerics/adamw";
import { toArray, type Table, type Tree } from "../numerics/arrays";
import { Random } from "../numerics/random";

export type Activation = "relu" | "linear";

export interface Sizes {
  features: number;
  hidden: number;
}

/** Initial parameters W (P, M, N) and b (P, N); member i starts from `seed + i`. */
export function initial(sizes: Sizes, members: number, seed: number): Tree {
  const { features: n, hidden: m } = sizes;
  const scale = Math.sqrt(2 / (n + m));
  const one = (i: number): Record<string, Table> => ({
    W: { shape: [m, n], values: new Random(seed + i, "weights").normal(m * n, scale) },
    b: { shape: [n], values: new Float32Array(n) },
  });
  return stacked(Array.from({ length: members }, (_, i) => one(i)));
}

/** What a step is shown: draws (N, B), densities (P,) and importances (P, N). */
export function data(
  draws: Float32Array,
  features: number,
  density: Float32Array,
  importance: Float32Array,
): Tree {
  return {
    draws: toArray(draws, [features, draws.length / features]),
    density: toArray(density, [density.length, 1, 1]),
    importance: toArray(importance, [density.length, features, 1]),
  };
}

/** Losses (P,) by output activation. */
export const LOSSES: Record<Activation, Losses> = { relu: losses(nn.relu), linear: losses((x) => x) };

function losses(activate: (x: np.Array) => np.Array): Losses {
  return (params, { draws, density, importance }) => {
    const scaled_PNB = np.divide(np.expandDims(draws, 0), density);
    const x_PNB = np.where(np.lessEqual(scaled_PNB.ref, 1), scaled_PNB, 0);
    const hidden_PMB = np.matmul(params.W.ref, x_PNB.ref);
    const pre_PNB = np.matmul(np.matrixTranspose(params.W), hidden_PMB).add(np.expandDims(params.b, 2));
    const error_PNB = np.square(x_PNB.sub(activate(pre_PNB))).mul(importance);
    return error_PNB.sum(1).mean(1);
  };
}
