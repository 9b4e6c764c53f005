/** W^T W of the chosen network, with its biases. */

import { gramHeight, gramMatrix } from "../draw/matrix";
import { surface } from "../draw/surface";
import { gram } from "./geometry";
import { chosen, weights, type Shown } from "./page";

/** Make the picture. */
export function matrix() {
  let now: Shown | null = null;
  const seen = surface(
    "WᵀW of the network shown: what each feature puts on each output, and the biases b",
    (context, width) => {
      if (!now) return;
      const p = chosen(now);
      const { hidden: m, features: n } = now;
      gramMatrix(context, gram(weights(now, p), m, n), now.b.subarray(p * n, (p + 1) * n), n, width);
    },
    (width) => gramHeight(now?.features ?? 5, width),
  );
  seen.element.classList.add("matrix");
  return {
    element: seen.element,
    show(shown: Shown) {
      const before = now?.features;
      now = shown;
      if (before !== shown.features) seen.fit();
      else seen.refresh();
    },
    close: seen.close,
  };
}
