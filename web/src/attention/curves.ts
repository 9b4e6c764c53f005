/** Best scores of any head, and the accuracy of copies, over training. */

import { axes, path } from "../draw/chart";
import { BLUE, GREEN, ORANGE } from "../draw/colours";
import { surface, write } from "../draw/surface";
import type { Shown } from "./page";

const LINES: [string, string, string][] = [
  ["best induction score", ORANGE, "#a87400"],
  ["best previous-letter score", GREEN, "#00795a"],
  ["repeated letters foreseen", BLUE, BLUE],
];

/** Make the picture. */
export function curves() {
  let now: Shown | null = null;
  const seen = surface(
    "Scores of heads and accuracy over steps of training",
    (context, width, height) => {
      if (!now) return;
      const { history, member, members } = now;
      const end = Math.max(300, 1.1 * (history.steps.at(-1) ?? 1));
      const up = { low: 0, high: 1.04, label: "", ticks: [0, 0.5, 1], text: (v: number) => `${100 * v}%` };
      const plot = axes(context, width, height, { low: 0, high: end, label: "step of training" }, up);
      for (let i = 0; i < members; i++) {
        const p = (i + member + 1) % members; // the one shown comes last, on top
        context.globalAlpha = p === member ? 1 : 0.3;
        LINES.forEach(([, colour], which) => {
          path(context, plot, history.steps, history.column(3 * p + which), colour, p === member ? 2.4 : 1.1);
        });
      }
      context.globalAlpha = 1;
      LINES.forEach(([text, , colour], i) => {
        write(context, text, plot.right - 6, plot.bottom - 52 + 18 * i, { align: "right", colour, size: 13 });
      });
    },
    (width) => Math.min(220, width * 0.6),
  );
  return {
    element: seen.element,
    show(shown: Shown) {
      now = shown;
      seen.refresh();
    },
    close: seen.close,
  };
}
