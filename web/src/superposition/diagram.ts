/**
 * The phase diagram filling in: 2 features, 1 dimension, a network in every cell.
 *
 * As the study superposition_phase: training is repeated with fresh seeds, and each cell keeps the
 * network of the least exact loss. The lines are where the candidate solutions of Elhage et al. 2022 are equally good.
 */

import { axes, path, type Plot } from "../draw/chart";
import { BLUE, FAINT, INK, ORANGE } from "../draw/colours";
import { surface, write } from "../draw/surface";
import type { Settings } from "../train/protocol";
import { classify, PHASES } from "./geometry";
import { members, SIDE, TRY } from "./members";
import { chosen, weights, type Shown, type View } from "./page";
import { boundary, exactLoss, phaseInTheory } from "./theory";

const COLOURS = [FAINT, ORANGE, BLUE]; // as PHASES
const CELLS = SIDE * SIDE;

/** Make the view; a click chooses a cell, `again` trains the next try. */
export function diagram(select: (p: number) => void, again: (extra: Settings) => void): View {
  let now: Shown | null = null;
  let plot: Plot | null = null;
  let round = 0;
  let asked = false;
  const best = new Float64Array(CELLS);
  const phase = new Int8Array(CELLS);
  const forget = (): void => {
    [round, asked] = [0, false];
    best.fill(Infinity);
    phase.fill(-1);
  };
  forget();
  const seen = surface(
    "Phase diagram of the second of two features in one dimension, over its importance and the density",
    (context, width, height) => {
      const across = {
        ...{ low: 0.082, high: 12.2, log: true, label: "importance of feature 2, relative to feature 1" },
        ...{ ticks: [0.1, 0.3, 1, 3, 10] },
      };
      const up = { low: 0.0081, high: 1.23, log: true, label: "density", ticks: [0.01, 0.03, 0.1, 0.3, 1] };
      plot = axes(context, width, height, across, up);
      cells(context, plot, phase, now ? chosen(now) : -1);
      const ratios = Array.from({ length: 101 }, (_, i) => 0.082 * (12.2 / 0.082) ** (i / 100));
      path(context, plot, ratios, ratios.map((r) => boundary(r, 2)), INK, 2.5);
      path(context, plot, [1, 1], [boundary(1, 2), 1.23], INK, 2.5);
      names(context, plot);
    },
    0.86,
  );
  seen.canvas.addEventListener("click", (event) => {
    const p = plot && cellAt(plot, event.offsetX, event.offsetY);
    if (p !== null && p !== undefined) select(p);
  });
  return {
    element: seen.element,
    reset: forget,
    show(shown) {
      now = shown;
      if (shown.members !== CELLS) return;
      if (shown.step < TRY) asked = false;
      if (shown.step > 30) keep(shown, best, phase);
      if (shown.step >= TRY && !asked) {
        asked = true;
        round += 1;
        again({ round });
      }
      seen.refresh();
    },
    caption(shown) {
      const right = agreement(shown, phase);
      const text = `Try ${round + 1}: ${right} of ${CELLS} cells are in the phase that theory says.`;
      seen.describe(text);
      return text;
    },
    close: seen.close,
  };
}

/** Keep, in every cell, the better of what was found and what is there now. */
function keep(shown: Shown, best: Float64Array, phase: Int8Array): void {
  const { density, ratio } = members(shown.setting);
  for (let p = 0; p < CELLS; p++) {
    const W = weights(shown, p);
    const loss = exactLoss(W, shown.b.subarray(2 * p, 2 * p + 2), density[p], ratio[p]);
    if (loss >= best[p]) continue;
    best[p] = loss;
    phase[p] = classify(W, 1, 2);
  }
}

function agreement(shown: Shown, phase: Int8Array): number {
  const { density, ratio } = members(shown.setting);
  return phase.reduce((sum, found, p) => sum + Number(found === phaseInTheory(density[p], ratio[p], 2)), 0);
}

function cells(context: CanvasRenderingContext2D, plot: Plot, phase: Int8Array, selected: number): void {
  const width = (plot.right - plot.left) / SIDE;
  const height = (plot.bottom - plot.top) / SIDE;
  for (let p = 0; p < CELLS; p++) {
    const [x, y] = [plot.left + (p % SIDE) * width, plot.bottom - (Math.floor(p / SIDE) + 1) * height];
    if (phase[p] >= 0) {
      context.fillStyle = COLOURS[phase[p]];
      context.fillRect(x, y, width - 1, height - 1);
    }
    if (p === selected) {
      context.strokeStyle = INK;
      context.lineWidth = 2;
      context.strokeRect(x, y, width - 1, height - 1);
    }
  }
}

/** What the colours mean, written where each phase is in theory. */
function names(context: CanvasRenderingContext2D, plot: Plot): void {
  const places: [number, number, number][] = [[0.28, 0.9, 0], [1, 0.025, 1], [3.5, 0.9, 2]];
  for (const [ratio, density, phase] of places) {
    const [x, y] = [plot.x(ratio), plot.y(density)];
    context.font = "13px system-ui, sans-serif";
    const wide = context.measureText(PHASES[phase]).width + 14;
    context.fillStyle = "rgba(255,255,255,0.88)";
    context.fillRect(x - wide / 2, y - 10, wide, 20);
    write(context, PHASES[phase], x, y, { align: "center", size: 13 });
  }
}

function cellAt(plot: Plot, x: number, y: number): number | null {
  const column = Math.floor(((x - plot.left) / (plot.right - plot.left)) * SIDE);
  const row = Math.floor(((plot.bottom - y) / (plot.bottom - plot.top)) * SIDE);
  const inside = column >= 0 && column < SIDE && row >= 0 && row < SIDE;
  return inside ? row * SIDE + column : null;
}
