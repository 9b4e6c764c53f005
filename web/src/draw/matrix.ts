/** A matrix as coloured squares: purple below 0, orange above. */

import { diverging, INK, MUTED } from "./colours";
import { write } from "./surface";

/** Draw W^T W (N, N) with the biases (N,) beside it, in a box of the given width. */
export function gramMatrix(
  context: CanvasRenderingContext2D,
  gram: Float32Array,
  bias: Float32Array,
  n: number,
  width: number,
): void {
  const cell = width / (n + 1.6);
  const gap = n > 40 ? 0 : 0.5;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      context.fillStyle = diverging(gram[i * n + j]);
      context.fillRect(j * cell, i * cell, cell - gap, cell - gap);
    }
    context.fillStyle = diverging(bias[i]);
    context.fillRect((n + 0.6) * cell, i * cell, cell - gap, cell - gap);
  }
  const under = n * cell + 13;
  write(context, "WᵀW", 0, under, { size: 12, colour: INK });
  write(context, "b", width - cell / 2, under, { size: 12, colour: INK, align: "center" });
  scale(context, Math.max((n * cell) / 2, 110), under - 5, 90);
}

/** Height that the matrix takes. */
export function gramHeight(n: number, width: number): number {
  return (n * width) / (n + 1.6) + 26;
}

/** The scale of colours, from -1 to 1. */
function scale(context: CanvasRenderingContext2D, centre: number, y: number, width: number): void {
  const left = centre - width / 2;
  for (let x = 0; x < width; x++) {
    context.fillStyle = diverging((2 * x) / width - 1);
    context.fillRect(left + x, y, 1.5, 9);
  }
  write(context, "−1", left - 5, y + 5, { size: 11, colour: MUTED, align: "right" });
  write(context, "1", left + width + 5, y + 5, { size: 11, colour: MUTED });
}
