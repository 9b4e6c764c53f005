/** What is told of a run, by the local server of the opened one, or by a shipped file of an example. */

export interface Population {
  members: number;
  metrics: string[];
  by: string[];
  steps: number[];
  /** Members whose parameters are there; without it all. */
  kept?: number[];
}

export interface About {
  path: string;
  study: string;
  preset: string;
  device: string | null;
  commit: string | null;
  created: string | null;
  wall_s: number | null;
  config: Record<string, unknown> | null;
  populations: Record<string, Population>;
  figures: string[];
  losses: string[];
  /** Populations that an example is without. */
  left_out?: string[];
}

/** A query, by name. */
export type Query = Record<string, string | number>;

/** Where a run is read. */
export interface Source {
  /** An answer; throws what is wrong, in words. */
  ask<T>(path: string, query?: Query): Promise<T>;
  /** The address of a figure. */
  figure(name: string): string;
}

export interface Members {
  columns: string[];
  rows: (number | string | null)[][];
}

export interface Group {
  value: number | null;
  n: number;
  mean: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
}

export interface Curves {
  steps: number[];
  groups: Group[];
  members: (number | null)[][];
  thinned: boolean;
}

export interface Leaf {
  name: string;
  shape: number[];
  norm: number | null;
  rows: number;
  columns: number;
  every: [number, number];
  values: (number | null)[];
}

export interface Claim {
  key: string;
  text: string;
  source: string;
  expected: string;
  paper: number | null;
  estimate: number | null;
  low: number | null;
  high: number | null;
  values: (number | null)[];
  n: number;
  diverged: number;
  undefined: number;
  excluded: number;
  unit: string;
  scope: string;
  verdict: string;
  why: string;
}

/** Ask the server; its own words where it refuses. */
async function ask<T>(path: string, query: Query = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(address(path, query));
  } catch {
    throw new Error("The server does not answer; is 'toylab explore' still running?");
  }
  const found = await answer.json().catch(() => ({ error: `an answer that is no JSON (${answer.status})` }));
  if (!answer.ok) throw new Error(found.error ?? `status ${answer.status}`);
  return found as T;
}

function address(path: string, query: Query): string {
  const text = new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)])).toString();
  return `api/${path}${text ? `?${text}` : ""}`;
}

/** The run that the local server has opened. */
export const server: Source = { ask, figure: (name) => address("figure", { name }) };

/** A number in few digits; a dash for none. */
export function digits(value: unknown, count = 3): string {
  if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
  if (Number.isInteger(value)) return String(value);
  const small = Math.abs(value) < 1e-4 || Math.abs(value) >= 1e6;
  return small ? value.toExponential(count - 1) : String(Number(value.toPrecision(count)));
}
