/** One network large: its features as arrows, in two dimensions or three, or as bars. */

import { arrows, type Turn } from "../draw/arrows";
import { normBars } from "../draw/bars";
import { surface } from "../draw/surface";
import { interference, kept, norms } from "./geometry";
import { chosen, weights, type Shown, type View } from "./page";

const START: Turn = { yaw: 0.6, pitch: 0.35 };

/** Make the view; three dimensions turn under the hand and the arrow keys. */
export function picture(): View {
  let now: Shown | null = null;
  const turn = { ...START };
  const seen = surface("Features as arrows from the origin", (context, width, height) => {
    if (!now) return;
    const W = weights(now, chosen(now));
    const { hidden: m, features: n } = now;
    if (m === 2 || m === 3) {
      const unit = Math.min(width, height) / 2.5;
      arrows(context, W, m, n, { x: width / 2, y: height / 2, unit }, turn);
    } else normBars(context, norms(W, m, n), interference(W, m, n), width, height);
  });
  const move = (dx: number, dy: number): void => {
    turn.yaw += dx;
    turn.pitch = Math.max(-1.5, Math.min(1.5, turn.pitch + dy));
    seen.refresh();
  };
  turning(seen.canvas, () => now?.hidden === 3, move);
  return {
    element: seen.element,
    show(shown) {
      now = shown;
      const solid = shown.hidden === 3;
      seen.canvas.tabIndex = solid ? 0 : -1;
      seen.canvas.classList.toggle("solid", solid);
      seen.refresh();
    },
    caption(shown) {
      const W = weights(shown, chosen(shown));
      const count = kept(W, shown.hidden, shown.features);
      const text =
        `${count} of ${shown.features} features are kept in ${plural(shown.hidden, "dimension")}` +
        (shown.losses ? `; the loss is ${shown.losses[chosen(shown)].toPrecision(2)}.` : ".");
      seen.describe(text);
      return text;
    },
    close: seen.close,
  };
}

/** Let pointer and arrow keys turn a canvas, while `may` says so. */
function turning(canvas: HTMLCanvasElement, may: () => boolean, move: (dx: number, dy: number) => void): void {
  canvas.addEventListener("pointerdown", (event) => {
    if (!may()) return;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) move(event.movementX / 90, event.movementY / 90);
  });
  canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
    if (!by || !may()) return;
    event.preventDefault();
    move(by[0], by[1]);
  });
}

/** "1 dimension", "2 dimensions". */
function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
