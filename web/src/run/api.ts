/** What the local server tells of the opened run. */

export interface Population {
  members: number;
  metrics: string[];
  by: string[];
  steps: number[];
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
export async function ask<T>(path: string, query: Record<string, string | number> = {}): Promise<T> {
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

/** An address of the server. */
export function address(path: string, query: Record<string, string | number>): string {
  const text = new URLSearchParams(Object.entries(query).map(([k, v]) => [k, String(v)])).toString();
  return `api/${path}${text ? `?${text}` : ""}`;
}

/** A number in few digits; a dash for none. */
export function digits(value: unknown, count = 3): string {
  if (typeof value !== "number") return value === null || value === undefined ? "–" : String(value);
  if (Number.isInteger(value)) return String(value);
  const small = Math.abs(value) < 1e-4 || Math.abs(value) >= 1e6;
  return small ? value.toExponential(count - 1) : String(Number(value.toPrecision(count)));
}
