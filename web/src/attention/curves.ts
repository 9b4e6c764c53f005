/** Best scores of any head, and the accuracy of copies, over training. */

import { axes, path } from "../draw/chart";
import { BLUE, GREEN, ORANGE } from "../draw/colours";
import { legend } from "../draw/legend";
import { surface } from "../draw/surface";
import { h } from "../shell/dom";
import type { Shown } from "./page";

const LINES: [string, string][] = [
  [ORANGE, "best induction score"],
  [GREEN, "best previous-letter score"],
  [BLUE, "repeated letters foreseen"],
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
        LINES.forEach(([colour], which) => {
          path(context, plot, history.steps, history.column(3 * p + which), colour, p === member ? 2.4 : 1.1);
        });
      }
      context.globalAlpha = 1;
    },
    (width) => Math.min(220, width * 0.6),
  );
  return {
    element: h("div", {}, legend(LINES), seen.element),
    show(shown: Shown) {
      now = shown;
      seen.refresh();
    },
    close: seen.close,
  };
}
