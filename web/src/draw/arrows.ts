/** Features as arrows in two or three hidden dimensions. */

import { FAINT, feature, MUTED } from "./colours";
import { write } from "./surface";

/** A turn of three dimensions: about the upright axis, then towards the reader, in radians. */
export interface Turn {
  yaw: number;
  pitch: number;
}

export interface Arrow {
  x: number;
  y: number;
  depth: number; // towards the reader, 0 in two dimensions
}

/** Tips of the columns of W (M, N), M of 2 or 3, as seen. */
function tips(W: Float32Array, m: number, n: number, turn: Turn): Arrow[] {
  const [cy, sy] = [Math.cos(turn.yaw), Math.sin(turn.yaw)];
  const [cp, sp] = [Math.cos(turn.pitch), Math.sin(turn.pitch)];
  return Array.from({ length: n }, (_, i) => {
    const [x, y, z] = [W[i], W[n + i], m === 3 ? W[2 * n + i] : 0];
    if (m === 2) return { x, y, depth: 0 };
    const [ex, ez] = [cy * x + sy * z, cy * z - sy * x];
    return { x: ex, y: cp * y - sp * ez, depth: cp * ez + sp * y };
  });
}

/** Draw arrows in a square whose centre and unit length are given. */
export function arrows(
  context: CanvasRenderingContext2D,
  W: Float32Array,
  m: number,
  n: number,
  place: { x: number; y: number; unit: number },
  turn: Turn,
  labels = true,
): void {
  const { x: ox, y: oy, unit } = place;
  context.lineWidth = 1;
  context.strokeStyle = FAINT;
  context.beginPath();
  context.arc(ox, oy, unit, 0, 2 * Math.PI);
  context.stroke();
  const found = tips(W, m, n, turn);
  const order = found.map((_, i) => i).sort((a, b) => found[a].depth - found[b].depth);
  const thick = Math.max(1.5, unit / 70);
  for (const i of order) {
    const { x, y, depth } = found[i];
    const [px, py] = [ox + unit * x, oy - unit * y];
    context.globalAlpha = m === 3 ? 0.72 + 0.28 * Math.min(1, Math.max(-1, depth)) : 1;
    context.strokeStyle = context.fillStyle = feature(i, n);
    context.lineWidth = thick;
    context.beginPath();
    context.moveTo(ox, oy);
    context.lineTo(px, py);
    context.stroke();
    context.beginPath();
    context.arc(px, py, thick * 2, 0, 2 * Math.PI);
    context.fill();
    const length = Math.hypot(x, y);
    if (labels && n <= 12 && length > 0.25) {
      const out = 14 / length;
      write(context, String(i + 1), px + x * out, py - y * out, { align: "center", colour: MUTED });
    }
  }
  context.globalAlpha = 1;
}
