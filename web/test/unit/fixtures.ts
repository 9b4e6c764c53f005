/** Numbers of the Python library, as `tests/web/fixtures.py` writes them, and how to compare. */

import { readFileSync } from "node:fs";
import { expect } from "vitest";

import { toArray, type Table, type Tree } from "../../src/numerics/arrays";

interface Stored {
  shape: number[];
  values: number[];
}

/** Read a fixture. */
export function fixture(name: string): any {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8"));
}

/** The numbers of a stored array. */
export function values(stored: Stored): Float32Array {
  return Float32Array.from(stored.values);
}

/** Parameters in the engine. */
export function tree(stored: Record<string, Stored>): Tree {
  return Object.fromEntries(
    Object.entries(stored).map(([name, one]) => [name, toArray(values(one), one.shape)]),
  );
}

/** One member's part of a stored array with a leading axis of members. */
export function member(stored: Stored, i: number): Float32Array {
  const size = stored.values.length / stored.shape[0];
  return values(stored).subarray(i * size, (i + 1) * size);
}

/** Hold numbers to the library's, to 1e-4. */
export function agree(found: ArrayLike<number>, wanted: ArrayLike<number>, within = 1e-4): void {
  expect(found.length).toBe(wanted.length);
  let worst = 0;
  for (let i = 0; i < found.length; i++) {
    const gap = Math.abs(found[i] - wanted[i]) / Math.max(1, Math.abs(wanted[i]));
    worst = Math.max(worst, Number.isNaN(gap) ? Infinity : gap);
  }
  expect(worst).toBeLessThan(within);
}

export type { Stored, Table };
