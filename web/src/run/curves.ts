/** A metric over training: the mean over members with its 95% interval, and members one by one. */

import { choice } from "../controls/choice";
import { axes, path, type Axis } from "../draw/chart";
import { PALETTE, sequential } from "../draw/colours";
import { legendEntry } from "../draw/legend";
import { surface } from "../draw/surface";
import { h } from "../shell/dom";
import { choice as choiceField } from "../shell/state";
import { digits, type Curves } from "./api";
import { populations, type Bench, type View } from "./page";

const FEWEST = 3; // members for whose mean an interval is drawn: that of two tells nothing

/** Make the view. */
export function curves(bench: Bench): View {
  let found: Curves | null = null;
  let serial = 0;
  const controls = h("div", { class: "row" });
  const legend = h("ul", { class: "legend" });
  const seen = surface(
    "The metric over steps of training",
    (context, width, height) => {
      if (found) draw(context, width, height, found, String(bench.values.metric));
    },
    (width) => Math.min(460, Math.max(260, width * 0.5)),
  );
  const note = h("p", { class: "engine" });

  function build(): void {
    const { about, values, put } = bench;
    const population = about.populations[String(values.population)];
    const named = (list: string[]) => Object.fromEntries(list.map((name) => [name, name]));
    if (!population.metrics.includes(String(values.metric))) values.metric = population.metrics[0] ?? "";
    if (values.by && !population.by.includes(String(values.by))) values.by = "";
    const metric = choiceField("Metric", String(values.metric), named(population.metrics));
    const by = choiceField("Lines for each", "", { "": "all together", ...named(population.by) });
    controls.replaceChildren(
      ...[
        populations(bench),
        population.metrics.length > 1 ? choice(metric, String(values.metric), (v) => put("metric", v)).element : null,
        population.by.length ? choice(by, String(values.by), (v) => put("by", v)).element : null,
      ].filter((part) => part !== null),
    );
  }

  return {
    element: h("div", {}, controls, seen.element, legend, note),
    show() {
      build();
      const { population, metric, by } = bench.values;
      if (!metric) return void (note.textContent = "Nothing was recorded while this population trained.");
      serial += 1;
      const mine = serial;
      bench.source.ask<Curves>("curves", { population, metric, by }).then((curves) => {
        if (mine !== serial) return;
        found = curves;
        seen.refresh();
        legend.replaceChildren(...curves.groups.map((group, i) => entry(String(by), group.value, group.n, i, curves)));
        note.textContent =
          "Bold: mean over finite members, with its 95% interval (Student) where there are three or more; thin: single members." +
          (curves.thinned ? " Steps are thinned to 200." : "");
        seen.describe(`${metric} ends at ${curves.groups.map((g) => digits(g.mean.at(-1))).join(", ")}.`);
      }, bench.failed);
    },
    close: seen.close,
  };
}

function colour(i: number, count: number): string {
  return count <= PALETTE.length ? PALETTE[i] : sequential((0.9 * i) / (count - 1));
}

function entry(by: string, value: number | null, n: number, i: number, { groups }: Curves): HTMLElement {
  const text = by ? `${by} ${digits(value)}` : "all members";
  const end = digits(groups[i].mean.at(-1));
  return legendEntry(colour(i, groups.length), `${text}: ${end} at the end, ${n} member${n === 1 ? "" : "s"}`);
}

function draw(context: CanvasRenderingContext2D, width: number, height: number, curves: Curves, metric: string): void {
  const { steps, groups, members } = curves;
  const all = [...members, ...groups.map((g) => g.mean)].flat().filter((v): v is number => v !== null);
  if (!all.length) return;
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const log = least > 0 && most / least > 30;
  const pad = log ? 1 : (most - least) * 0.05 || 1;
  const up: Axis = log
    ? { low: least * 0.9, high: most * 1.1, log, label: metric }
    : { low: least - pad, high: most + pad, label: metric };
  if (log && most / least < 1000) up.ticks = halves(least, most);
  const across = { low: Math.min(0, steps[0]), high: steps.at(-1)!, label: "step of training" };
  const plot = axes(context, width, height, across, up);
  const numbers = (values: (number | null)[]): number[] => values.map((v) => v ?? NaN);
  context.globalAlpha = members.length > 16 ? 0.12 : 0.25;
  for (const member of members) path(context, plot, steps, numbers(member), "#555", 1);
  groups.forEach((group, i) => {
    context.globalAlpha = 0.16;
    if (group.n >= FEWEST) band(context, steps.map(plot.x), numbers(group.low).map((v) => plot.y(Math.max(v, up.low))), numbers(group.high).map((v) => plot.y(Math.min(v, up.high))), colour(i, groups.length));
    context.globalAlpha = 1;
    path(context, plot, steps, numbers(group.mean), colour(i, groups.length), 2.4);
  });
}

/** Ticks at 1, 3, 10, 30, ... */
function halves(low: number, high: number): number[] {
  const found = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++) {
    for (const k of [1, 3]) if (k * 10 ** e >= low * 0.9 && k * 10 ** e <= high * 1.1) found.push(k * 10 ** e);
  }
  return found;
}

function band(context: CanvasRenderingContext2D, xs: number[], low: number[], high: number[], fill: string): void {
  context.fillStyle = fill;
  for (let i = 1; i < xs.length; i++) {
    const corner = [low[i - 1], low[i], high[i], high[i - 1]];
    if (!corner.every(Number.isFinite)) continue;
    context.beginPath();
    context.moveTo(xs[i - 1], corner[0]);
    context.lineTo(xs[i], corner[1]);
    context.lineTo(xs[i], corner[2]);
    context.lineTo(xs[i - 1], corner[3]);
    context.fill();
  }
}
