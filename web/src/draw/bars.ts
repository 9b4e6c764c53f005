/** Norms of features as bars, coloured by interference, as in the pictures of Elhage et al. 2022. */

import { FAINT, INK, MUTED, sequential } from "./colours";
import { write } from "./surface";

/** Draw norms (N,), each in the colour of its interference. */
export function normBars(
  context: CanvasRenderingContext2D,
  norms: Float32Array,
  interference: Float32Array,
  width: number,
  height: number,
  small = false,
): void {
  const n = norms.length;
  const left = small ? 0 : 30;
  const row = small ? height / n : Math.min(34, (height - 56) / n);
  const unit = (width - left) / 1.4;
  context.strokeStyle = FAINT;
  for (const at of small ? [] : [0.5, 1]) {
    context.beginPath();
    context.moveTo(left + unit * at, 8);
    context.lineTo(left + unit * at, 12 + n * row);
    context.stroke();
    write(context, String(at), left + unit * at, 20 + n * row, { align: "center", colour: MUTED, size: 11 });
  }
  for (let i = 0; i < n; i++) {
    const y = (small ? 0 : 10) + i * row;
    context.fillStyle = sequential(0.92 * Math.min(1, interference[i]));
    context.fillRect(left, y + row * 0.12, Math.max(1.5, unit * norms[i]), row * 0.76);
    if (row > 9 && !small) write(context, String(i + 1), left - 7, y + row / 2, { align: "right", colour: MUTED, size: 11 });
  }
  if (small) return;
  write(context, "length of each feature; dark: a dimension of its own, light: shared", left, 36 + n * row, {
    size: 12,
    colour: INK,
  });
}
