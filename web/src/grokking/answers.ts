/** The table of all pairs: which answers are right, and which of them were ever shown. */

import { BLUE, FAINT, INK, ORANGE } from "../draw/colours";
import { panel } from "../draw/panel";
import { write } from "../draw/surface";
import type { Shown } from "./page";

/** Make the picture. */
export function answers() {
  let now: Shown | null = null;
  const seen = panel(
    "Answers that are right",
    "The table of all pairs",
    (context, width, height) => {
      if (!now) return;
      const { p, right, mask } = now;
      const cell = width / p;
      for (let pair = 0; pair < p * p; pair++) {
        context.fillStyle = right[pair] ? (mask[pair] ? BLUE : ORANGE) : FAINT;
        const [x, y] = [(pair % p) * cell, Math.floor(pair / p) * cell];
        context.fillRect(x, y, cell - 0.5, cell - 0.5);
      }
      context.fillStyle = BLUE;
      context.fillRect(0, height - 33, 10, 10);
      write(context, "trained on", 15, height - 28, { colour: INK });
      context.fillStyle = ORANGE;
      context.fillRect(0, height - 15, 10, 10);
      write(context, "never shown", 15, height - 10, { colour: INK });
    },
    (width) => width + 40,
  );
  return {
    element: seen.figure,
    show(shown: Shown) {
      now = shown;
      seen.refresh();
    },
    close: seen.close,
  };
}
