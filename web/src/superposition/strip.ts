/** All networks small, side by side: they differ in their seeds. */

import { arrows } from "../draw/arrows";
import { normBars } from "../draw/bars";
import { BLUE } from "../draw/colours";
import { surface } from "../draw/surface";
import { interference, norms } from "./geometry";
import { chosen, weights, type Shown } from "./page";

/** Make the picture; a click chooses a network. */
export function strip(select: (p: number) => void) {
  let now: Shown | null = null;
  const across = (count: number): number => (count <= 4 ? 4 : count <= 16 ? 8 : count <= 36 ? 9 : 11);
  const rows = (count: number): number => Math.ceil(count / across(count));
  const seen = surface(
    "All networks; they start from different seeds",
    (context, width) => {
      if (!now) return;
      const cell = width / across(now.members);
      const { hidden: m, features: n } = now;
      for (let p = 0; p < now.members; p++) {
        const [x, y] = [(p % across(now.members)) * cell, Math.floor(p / across(now.members)) * cell];
        if (p === chosen(now)) {
          context.strokeStyle = BLUE;
          context.lineWidth = 1.5;
          context.strokeRect(x + 1.5, y + 1.5, cell - 3, cell - 3);
        }
        const W = weights(now, p);
        if (m === 2 || m === 3) {
          arrows(context, W, m, n, { x: x + cell / 2, y: y + cell / 2, unit: cell / 2.9 }, { yaw: 0.6, pitch: 0.35 }, false);
        } else small(context, norms(W, m, n), interference(W, m, n), x + 4, y + 4, cell - 8);
      }
    },
    (width) => (now ? (width / across(now.members)) * rows(now.members) : width / 4),
  );
  seen.element.classList.add("strip");
  seen.canvas.addEventListener("click", (event) => {
    if (!now) return;
    const cell = seen.canvas.clientWidth / across(now.members);
    const p = Math.floor(event.offsetY / cell) * across(now.members) + Math.floor(event.offsetX / cell);
    if (p < now.members) select(p);
  });
  return {
    element: seen.element,
    show(shown: Shown) {
      const before = now?.members;
      now = shown;
      if (before !== shown.members) seen.fit();
      else seen.refresh();
    },
    close: seen.close,
  };
}

/** Norms as bars without words. */
function small(
  context: CanvasRenderingContext2D,
  norms: Float32Array,
  shared: Float32Array,
  x: number,
  y: number,
  size: number,
): void {
  context.save();
  context.translate(x, y);
  normBars(context, norms, shared, size, size, true);
  context.restore();
}
