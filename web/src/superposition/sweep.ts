/** The population as an experiment: each network has its own density, and a place on the curve. */

import { axes, dot, line, path } from "../draw/chart";
import { BLUE, INK, MUTED, ORANGE } from "../draw/colours";
import { surface, write } from "../draw/surface";
import { dimensionality, dimensionsPerFeature } from "./geometry";
import { members } from "./members";
import { chosen, weights, type Shown, type View } from "./page";

const SPARSEST = 20;
const GUIDES: [number, string][] = [[1, "a dimension to itself"], [0.5, "two opposite features share one"]];

/** Make the view; a click chooses the network nearest in density. */
export function sweep(select: (p: number) => void): View {
  let now: Shown | null = null;
  let place: (value: number) => number = (value) => value;
  const seen = surface(
    "Dimensions per feature over sparsity",
    (context, width, height) => {
      if (!now) return;
      const across = { low: 1, high: SPARSEST, log: true, label: "sparsity, 1 / density", ticks: [1, 2, 5, 10, 20] };
      const up = { low: 0, high: 1.12, label: "dimensions per feature", ticks: [0, 0.25, 0.5, 0.75, 1] };
      const plot = axes(context, width, height, across, up);
      place = plot.x;
      const { density } = members(now.setting);
      const xs = Array.from(density, (s) => 1 / s);
      for (const [value, text] of GUIDES) {
        line(context, plot.left, plot.y(value), plot.right, plot.y(value), MUTED, [4, 4]);
        write(context, text, plot.right, plot.y(value) - 8, { align: "right", colour: MUTED, size: 11 });
      }
      const stars: number[] = [];
      for (let p = 0; p < now.members; p++) {
        const W = weights(now, p);
        stars.push(dimensionsPerFeature(W, now.hidden));
        context.globalAlpha = 0.3;
        for (const share of dimensionality(W, now.hidden, now.features)) {
          dot(context, plot.x(xs[p]), plot.y(share), 2, ORANGE);
        }
        context.globalAlpha = 1;
      }
      path(context, plot, xs, stars, BLUE, 2);
      stars.forEach((star, p) => {
        if (star <= 1.12) dot(context, plot.x(xs[p]), plot.y(star), p === chosen(now!) ? 6 : 3, BLUE);
      });
      legend(context, plot.right - 168, plot.y(0.86));
    },
    0.72,
  );
  seen.canvas.addEventListener("click", (event) => {
    if (!now) return;
    const { density } = members(now.setting);
    const far = Array.from(density, (s) => Math.abs(place(1 / s) - event.offsetX));
    select(far.indexOf(Math.min(...far)));
  });
  return {
    element: seen.element,
    show(shown) {
      now = shown;
      seen.refresh();
    },
    caption(shown) {
      const { density } = members(shown.setting);
      const p = chosen(shown);
      const star = dimensionsPerFeature(weights(shown, p), shown.hidden);
      const text = `At density ${density[p].toPrecision(2)} a kept feature has ${star.toFixed(2)} of a dimension (D*).`;
      seen.describe(text);
      return text;
    },
    close: seen.close,
  };
}

function legend(context: CanvasRenderingContext2D, x: number, y: number): void {
  dot(context, x, y, 4, BLUE);
  write(context, "D*, a network's average", x + 10, y, { colour: INK });
  dot(context, x, y + 18, 3, ORANGE);
  write(context, "each of its features", x + 10, y + 18, { colour: INK });
}
