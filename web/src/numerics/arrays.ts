/** Arrays between the page (typed arrays) and the engine (jax-js). */

import { defaultDevice, init, numpy as np } from "@jax-js/jax";

import type { Engine } from "../train/protocol";

/** Arrays by name: parameters, moments, a batch. */
export type Tree = { [name: string]: np.Array };

/** Numbers with their shape, as they travel between worker and page. */
export interface Table {
  shape: number[];
  values: Float32Array;
}

/** Hand numbers to the engine. */
export function toArray(values: Float32Array, shape: number[]): np.Array {
  return np.array(values).reshape(shape);
}

/** Read an array back, leaving it usable. */
export async function toTable(array: np.Array): Promise<Table> {
  const shape = [...array.shape];
  return { shape, values: Float32Array.from(await array.ref.data()) };
}

/** Zeros of the same shapes. */
export function zerosLike(tree: Tree): Tree {
  return mapTree(tree, (leaf) => np.zeros([...leaf.shape]));
}

/** Apply a function to every array of a tree; the function decides what it consumes. */
function mapTree(tree: Tree, f: (leaf: np.Array, name: string) => np.Array): Tree {
  return Object.fromEntries(Object.entries(tree).map(([name, leaf]) => [name, f(leaf, name)]));
}

/** Start WebAssembly, or WebGPU where it is asked for and there is one; say which it became. */
export async function startEngine(wanted: Engine): Promise<Engine> {
  const have = await init("wasm", ...(wanted === "webgpu" ? (["webgpu"] as const) : []));
  const chosen = have.includes(wanted) ? wanted : "wasm";
  defaultDevice(chosen);
  return chosen;
}
