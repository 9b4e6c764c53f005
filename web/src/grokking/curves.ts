/** Training and test curves of all networks, the one shown in bold. */

import { axes, path } from "../draw/chart";
import { BLUE, ORANGE } from "../draw/colours";
import { legend } from "../draw/legend";
import { surface } from "../draw/surface";
import { h } from "../shell/dom";
import { chosen, score, type Shown } from "./page";

/** Make the picture. */
export function curves() {
  let now: Shown | null = null;
  const seen = surface(
    "Training and test curves over steps of training",
    (context, width, height) => {
      if (!now) return;
      const { history, setting } = now;
      const loss = setting.curve === "loss";
      const xs = history.steps.map((step) => Math.max(step, 1));
      const end = Math.max(1001, 1.25 * (xs.at(-1) ?? 1));
      const across = { low: 1, high: end, log: true, label: "step of training" };
      const up = loss
        ? { low: 1e-4, high: 10, log: true, label: "loss (nats)" }
        : { low: 0, high: 1.04, label: "share of answers that are right", ticks: [0, 0.25, 0.5, 0.75, 1], text: percent };
      const plot = axes(context, width, height, across, up);
      const bold = chosen(now);
      const order = Array.from({ length: now.members }, (_, i) => i).sort((i) => (i === bold ? 1 : -1));
      for (const i of order) {
        context.globalAlpha = i === bold ? 1 : 0.35;
        for (const [part, colour] of [[0, BLUE], [1, ORANGE]] as const) {
          const ys = history.column(4 * i + part + (loss ? 0 : 2));
          path(context, plot, xs, ys, colour, i === bold ? 2.6 : 1.2);
        }
      }
      context.globalAlpha = 1;
    },
    (width) => Math.min(300, width * 0.62),
  );
  return {
    element: h("div", {}, legend([[BLUE, "pairs it trains on"], [ORANGE, "the other pairs"]]), seen.element),
    show(shown: Shown) {
      now = shown;
      seen.describe(`Test accuracy ${percent(score(shown, 3))}, training accuracy ${percent(score(shown, 2))}`);
      seen.refresh();
    },
    close: seen.close,
  };
}

function percent(share: number): string {
  return `${Math.round(100 * share)}%`;
}
