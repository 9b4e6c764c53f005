/** Two charts over the words read: how near neighbours lie, and how much is expected of neighbours. */

import { axes, dot, line, path, type Axis } from "../draw/chart";
import { BLUE, GREEN, INK, MUTED, ORANGE } from "../draw/colours";
import { panel, type Panel } from "../draw/panel";
import { write } from "../draw/surface";

/** Curves after 1, 2, ... words, and where the reader is. */
export interface Curves {
  count: number;
  energies: number[];
  shuffled: number[];
  /** Energy of perfect lists of neighbours. */
  listed: number;
  mass: number[];
  /** What guessing among the words of the graph would have. */
  guess: number;
}

const TALL = (width: number): number => Math.max(190, Math.min(250, 0.46 * width));

/** Make the charts. */
export function charts(now: () => Curves | null): Panel[] {
  const across = (length: number): Axis => ({ low: 0, high: length, label: "words read" });
  const chart = (name: string, label: string, draw: (context: CanvasRenderingContext2D, w: number, h: number, curves: Curves) => void): Panel =>
    panel(name, label, (context, w, h) => {
      const curves = now();
      if (curves) draw(context, w, h, curves);
    }, TALL);
  return [
    chart("How far apart neighbours lie", "Squared distance of neighbours in units of that of all pairs", (context, w, h, curves) => {
      const seen = [...curves.energies, ...curves.shuffled].filter(Number.isFinite);
      const up = { low: Math.min(0.4, ...seen), high: Math.max(1.2, ...seen), label: "1 = as far as any two words" };
      const plot = axes(context, w, h, across(curves.energies.length), up);
      line(context, plot.left, plot.y(1), plot.right, plot.y(1), MUTED, [3, 3]);
      line(context, plot.left, plot.y(curves.listed), plot.right, plot.y(curves.listed), GREEN, [2, 3]);
      const xs = curves.energies.map((_, i) => i + 1);
      path(context, plot, xs, curves.shuffled, ORANGE, 1.6, [6, 3]);
      path(context, plot, xs, curves.energies, BLUE, 2.4);
      write(context, "few words: all lie near", plot.x(3), plot.bottom - 12, { colour: MUTED, size: 11 });
      mark(context, plot, curves.count, curves.energies);
    }),
    chart("What it expects next", "Chance that the network gives to neighbours", (context, w, h, curves) => {
      const up = { low: 0, high: 1, label: "chance on neighbours", ticks: [0, 0.5, 1], text: (value: number) => `${100 * value}%` };
      const plot = axes(context, w, h, across(curves.mass.length), up);
      line(context, plot.left, plot.y(curves.guess), plot.right, plot.y(curves.guess), MUTED, [3, 3]);
      write(context, "guessing", plot.right, plot.y(curves.guess) - 9, { align: "right", colour: MUTED, size: 11 });
      path(context, plot, curves.mass.map((_, i) => i + 1), curves.mass, BLUE, 2.4);
      mark(context, plot, curves.count, curves.mass);
    }),
  ];
}

/** Where the reader is. */
function mark(context: CanvasRenderingContext2D, plot: ReturnType<typeof axes>, count: number, values: number[]): void {
  line(context, plot.x(count), plot.top, plot.x(count), plot.bottom, INK);
  if (Number.isFinite(values[count - 1])) dot(context, plot.x(count), plot.y(values[count - 1]), 5, BLUE);
}
