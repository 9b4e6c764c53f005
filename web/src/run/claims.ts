/** The claims: what was measured, where it should lie, and every unit's value. */

import { axes, dot, line } from "../draw/chart";
import { BLUE, INK, MUTED, ORANGE } from "../draw/colours";
import { surface, write, type Surface } from "../draw/surface";
import { h } from "../shell/dom";
import { digits, type Claim } from "./api";
import type { Bench, View } from "./page";

const CLASSES: Record<string, string> = {
  reproduced: "yes",
  "reproduced, few seeds": "yes",
  "not reproduced": "no",
};

/** Make the view; each claim opens to its evidence. */
export function claims(bench: Bench): View {
  const holder = h("div", { class: "claims" });
  let drawn: Surface[] = [];
  return {
    element: holder,
    show() {
      if (holder.childElementCount) return;
      bench.source.ask<Claim[]>("claims").then((found) => {
        drawn = [];
        holder.append(h("p", { class: "caption" }, found.length ? tally(found) : "This run has not been judged yet."));
        holder.append(...found.map((claim) => one(claim, drawn)));
      }, bench.failed);
    },
    close: () => drawn.forEach((each) => each.close()),
  };
}

/** How many claims have which verdict. */
function tally(found: Claim[]): string {
  const counts = new Map<string, number>();
  for (const { verdict } of found) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  return `${[...counts].map(([verdict, count]) => `${count} ${verdict}`).join("; ")}. Open one: dots are units, orange the estimate with its interval, dashed the bar.`;
}

function one(claim: Claim, drawn: Surface[]): HTMLElement {
  const verdict = h("span", { class: `verdict ${CLASSES[claim.verdict] ?? "open"}` }, claim.verdict);
  const expected = claim.expected.replace(">=", "≥").replace("<=", "≤");
  const measured = `${digits(claim.estimate)} [${digits(claim.low)}, ${digits(claim.high)}], expected ${expected}`;
  const lost = (["diverged", "undefined", "excluded"] as const)
    .filter((kind) => claim[kind])
    .map((kind) => `${claim[kind]} ${kind}`);
  const units = `${claim.n} ${claim.unit}${claim.n === 1 ? "" : "s"}${lost.length ? `, ${lost.join(", ")}` : ""}`;
  const seen = surface(`Values of ${claim.key}: ${measured}`, (context, width) => evidence(context, width, claim), () => 96);
  drawn.push(seen);
  return h(
    "details",
    { class: "claim" },
    h("summary", {}, verdict, h("span", {}, claim.text)),
    h("p", {}, `Measured ${measured}; ${units}${claim.paper === null ? "" : `; the paper has ${digits(claim.paper)}`}.`),
    seen.element,
    claim.why ? h("p", {}, claim.why) : null,
    h("p", { class: "engine" }, `${claim.source}. ${claim.key}`),
  );
}

/** Every unit's value, the estimate with its interval, and the paper's number. */
function evidence(context: CanvasRenderingContext2D, width: number, claim: Claim): void {
  const values = claim.values.filter((v): v is number => v !== null);
  const [low, high] = [claim.low, claim.high].map((v) => (v !== null && Number.isFinite(v) ? v : null));
  const bars = (claim.expected.match(/-?\d+(\.\d+)?(e-?\d+)?/g) ?? []).map(Number);
  const all = [...values, ...[claim.estimate, low, high, claim.paper].filter((v): v is number => v !== null), ...bars];
  if (!all.length) return;
  const [least, most] = [Math.min(...all), Math.max(...all)];
  const pad = (most - least) * 0.08 || Math.abs(most) * 0.1 || 1;
  const plot = axes(context, width, 96, { low: least - pad, high: most + pad, label: "" }, { low: 0, high: 1, label: "", ticks: [] });
  const y = 30;
  for (const bar of bars) line(context, plot.x(bar), 8, plot.x(bar), plot.bottom, INK, [4, 3]);
  context.globalAlpha = 0.6;
  values.forEach((value, i) => dot(context, plot.x(value), y - 8 + (i % 5) * 4, 3.5, BLUE));
  context.globalAlpha = 1;
  if (low !== null && high !== null) line(context, plot.x(low), y + 17, plot.x(high), y + 17, ORANGE);
  if (claim.estimate !== null) dot(context, plot.x(claim.estimate), y + 17, 5, ORANGE);
  if (claim.paper !== null) write(context, "paper", plot.x(claim.paper), 6, { size: 11, align: "center", colour: MUTED });
}
