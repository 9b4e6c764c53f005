/** Graphs to walk on, as they are drawn, and walks that do not turn back. */

import type { Random } from "../numerics/random";

export interface Graph {
  /** Where each node is drawn, in the unit square. */
  points: [x: number, y: number][];
  edges: [number, number][];
  /** Nodes next to each. */
  near: number[][];
}

/** A graph of points and edges. */
function graph(points: [number, number][], edges: [number, number][]): Graph {
  const near = points.map((_, node) =>
    edges.flatMap(([a, b]) => (a === node ? [b] : b === node ? [a] : [])).sort((a, b) => a - b),
  );
  return { points, edges, near };
}

/** Nodes on a circle, each joined to those `strides` further on. */
function ring(n: number, strides: number[] = [1]): Graph {
  const points = Array.from({ length: n }, (_, i): [number, number] => {
    const angle = 2 * Math.PI * (i / n);
    return [0.5 + 0.5 * Math.sin(angle), 0.5 - 0.5 * Math.cos(angle)];
  });
  const edges = strides.flatMap((stride) => points.map((_, i): [number, number] => [i, (i + stride) % n]));
  return graph(points, edges);
}

/** Rows and columns of nodes, joined across and down; with `diagonals` also across the corners. */
function grid(rows: number, columns: number, diagonals = false): Graph {
  const points: [number, number][] = [];
  const edges: [number, number][] = [];
  const across = (a: [number, number], b: [number, number]): boolean => {
    const [right, down] = [Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])];
    return diagonals ? Math.max(right, down) === 1 : right + down === 1;
  };
  const places = Array.from({ length: rows * columns }, (_, i): [number, number] => [i % columns, Math.floor(i / columns)]);
  places.forEach((place, i) => {
    points.push([place[0] / (columns - 1), place[1] / (rows - 1)]);
    for (let j = 0; j < i; j++) if (across(places[j], place)) edges.push([j, i]);
  });
  return graph(points, edges);
}

/** The graphs of the page. */
export const GRAPHS: Record<string, Graph> = {
  lattice: grid(4, 4, true),
  band: ring(16, [1, 2]),
  grid: grid(4, 4),
  ring: ring(12),
};

/** Nodes that a walk may step to: any neighbour but the one it came from, unless there is no other. */
export function ahead({ near }: Graph, walk: number[]): number[] {
  const open = near[walk.at(-1)!];
  const rest = open.filter((node) => node !== walk.at(-2));
  return rest.length ? rest : open;
}

/** A walk of `length` nodes that begins as given, its other steps even among those it may take. */
export function follow(graph: Graph, begun: number[], length: number, random: Random): number[] {
  const walk = begun.slice(0, length);
  while (walk.length < length) {
    const open = ahead(graph, walk);
    walk.push(open[random.below(open.length)]);
  }
  return walk;
}
