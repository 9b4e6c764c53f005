/**
 * Do the vectors of a graph's nodes lie like the graph? As `toylab.analysis.geometry` measures it.
 *
 * Axes: N nodes, D width. Float64 throughout: energies are differences of squares.
 */

import type { Graph } from "./graphs";

export type Vectors = Float64Array[];

/** Inner products of the vectors about their mean, (N, N). */
function products(vectors: Vectors): number[][] {
  const D = vectors[0].length;
  const mean = new Float64Array(D);
  for (const vector of vectors) vector.forEach((value, d) => (mean[d] += value / vectors.length));
  const centred = vectors.map((vector) => vector.map((value, d) => value - mean[d]));
  const product = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, d) => sum + value * b[d], 0);
  return centred.map((a) => centred.map((b) => product(a, b)));
}

/**
 * Mean squared distance of neighbours over that of all pairs: 1 where neighbours lie no nearer than
 * others, as on average under all ways to put the words on the graph. NaN where a node has no vector.
 */
export function energy(vectors: Vectors, { edges }: Graph): number {
  const gram = products(vectors);
  const squared = (i: number, j: number): number => gram[i][i] + gram[j][j] - 2 * gram[i][j];
  let all = 0;
  for (let i = 0; i < gram.length; i++) for (let j = 0; j < i; j++) all += squared(i, j);
  const near = edges.reduce((sum, [i, j]) => sum + squared(i, j), 0);
  const pairs = (gram.length * (gram.length - 1)) / 2;
  return near / edges.length / (all / pairs);
}

/** Two principal components of the vectors, (N, 2), and the share of their variance in each. */
export function plane(vectors: Vectors): { scores: [number, number][]; shares: [number, number] } {
  const gram = products(vectors);
  const total = gram.reduce((sum, row, i) => sum + row[i], 0);
  const { values, columns } = eigen(gram);
  const order = values.map((_, k) => k).sort((a, b) => values[b] - values[a]);
  const size = (k: number): number => Math.sqrt(Math.max(0, values[order[k]]));
  const scores = gram.map((_, i): [number, number] => [columns[order[0]][i] * size(0), columns[order[1]][i] * size(1)]);
  const share = (k: number): number => (total > 0 ? values[order[k]] / total : 0);
  return { scores, shares: [share(0), share(1)] };
}

/** Eigenvalues and eigenvectors of a symmetric matrix, by rotations of two axes at a time (Jacobi). */
function eigen(matrix: number[][]): { values: number[]; columns: number[][] } {
  const a = matrix.map((row) => row.slice());
  const n = a.length;
  const columns = a.map((_, i) => a.map((_, j) => Number(i === j)));
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = 0; q < p; q++) off += a[p][q] ** 2;
    if (off <= 1e-22 * a.reduce((sum, row, i) => sum + row[i] ** 2, 0)) break;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) turn(a, columns, p, q);
  }
  return { values: a.map((row, i) => row[i]), columns };
}

/** Turn axes p and q so that their product vanishes. */
function turn(a: number[][], columns: number[][], p: number, q: number): void {
  if (!a[p][q]) return;
  const slope = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.sqrt(slope ** 2 + 1));
  const cos = 1 / Math.sqrt(tangent ** 2 + 1);
  const sin = tangent * cos;
  const mix = (x: number[], y: number[]): void => {
    for (let k = 0; k < x.length; k++) [x[k], y[k]] = [cos * x[k] - sin * y[k], sin * x[k] + cos * y[k]];
  };
  for (const row of a) [row[p], row[q]] = [cos * row[p] - sin * row[q], sin * row[p] + cos * row[q]];
  mix(a[p], a[q]);
  mix(columns[p], columns[q]);
}

/**
 * Lay points over others: moved, turned or mirrored, and scaled to the others' size, no more
 * (orthogonal Procrustes). `misfit` is the share of the others' variance that the best scale would miss.
 */
export function laid(points: [number, number][], over: [number, number][]): { points: [number, number][]; misfit: number } {
  const [mine, theirs] = [points, over].map(centred);
  let [xx, xy, yx, yy] = [0, 0, 0, 0];
  mine.forEach(([x, y], i) => {
    const [u, v] = theirs[i];
    [xx, xy, yx, yy] = [xx + x * u, xy + x * v, yx + y * u, yy + y * v];
  });
  // The best turn has the trace's part; the best mirror image the other. The larger one is taken.
  const [turned, mirrored] = [Math.hypot(xx + yy, xy - yx), Math.hypot(xx - yy, xy + yx)];
  const flip = mirrored > turned;
  const angle = flip ? Math.atan2(xy + yx, xx - yy) : Math.atan2(xy - yx, xx + yy);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [own, other] = [size(mine), size(theirs)];
  const scale = own > 0 ? other / own : 0;
  const centre = [0, 1].map((k) => over.reduce((sum, point) => sum + point[k], 0) / over.length);
  const moved = mine.map(([x, y]): [number, number] => {
    const z = flip ? -y : y;
    return [centre[0] + scale * (cos * x - sin * z), centre[1] + scale * (sin * x + cos * z)];
  });
  const fit = own > 0 ? Math.max(turned, mirrored) / (own * other) : 0;
  return { points: moved, misfit: 1 - fit ** 2 };
}

function centred(points: [number, number][]): [number, number][] {
  const [x, y] = [0, 1].map((k) => points.reduce((sum, point) => sum + point[k], 0) / points.length);
  return points.map((point) => [point[0] - x, point[1] - y]);
}

function size(points: [number, number][]): number {
  return Math.sqrt(points.reduce((sum, [x, y]) => sum + x ** 2 + y ** 2, 0));
}
