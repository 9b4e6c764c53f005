/** The playground of grokking: it memorises first, and understands much later. */

import { choice } from "../controls/choice";
import { h } from "../shell/dom";
import { choice as choiceField, number, type Values } from "../shell/state";
import { History } from "../train/history";
import { playground, type Bench, type Scene } from "../train/playground";
import type { Look } from "../train/protocol";
import { curves } from "./curves";
import { spectrum } from "./fourier";
import { answers } from "./answers";
import { rightly, share, without } from "./inside";
import { bars, ring } from "./ring";

export const SCHEMA = {
  curve: choiceField("Curve", "accuracy", { accuracy: "Accuracy", loss: "Loss" }),
  decay: number("Weight decay", 0, 4, 1, 0.1),
  fraction: number("Part of all pairs that is trained on", 0.2, 0.9, 0.65, 0.05),
  p: choiceField("Numbers are added modulo", "31", { 23: "23", 31: "31", 43: "43" }),
  members: number("Networks", 1, 8, 2),
  member: number("Network shown", 1, 8, 1),
  out: { ...number("Frequency taken out of the network", 0, 21, 0), zero: "none" },
  rate: number("Learning rate", 0.001, 0.03, 0.01, 0.001, true),
  seed: number("Seed", 0, 999, 0),
};

export type Setting = Values<typeof SCHEMA>;

/** The population as the last frame had it, with its past. */
export interface Shown {
  setting: Setting;
  step: number;
  p: number;
  members: number;
  /** Scores of a member: 4 columns each, training and test loss, training and test accuracy. */
  history: History;
  /** Of the member shown: which pairs are right, which are trained on, and the first number's embedding. */
  right: Float32Array;
  mask: Float32Array;
  embed: Float32Array;
  spectrum: Float32Array;
  /** Frequency that is taken out; 0 for none. */
  out: number;
}

/** The member shown, counted from 0. */
export function chosen(shown: Shown): number {
  return Math.min(shown.setting.member, shown.members) - 1;
}

/** Score of the member shown, now: 0 training loss, 1 test loss, 2 training accuracy, 3 test accuracy. */
export function score(shown: Shown, which: number): number {
  return shown.history.rows.at(-1)?.[4 * chosen(shown) + which] ?? NaN;
}

/** Open the page. */
export function open(root: HTMLElement, query: URLSearchParams): () => void {
  return playground(root, query, {
    page: "grokking",
    title: "Memorised first, understood later",
    schema: SCHEMA,
    live: ["decay", "rate"],
    shown: ["curve", "member", "out"],
    hero: "decay",
    more: ["rate", "seed"],
    settings: (values) => values,
    build,
  });
}

const LEAD =
  "Networks learn to add on a clock. They soon know the pairs that they are shown; the others come long after, all at once, when the numbers have found their places on a circle.";

function build(bench: Bench<typeof SCHEMA>): Scene<typeof SCHEMA> {
  const history = new History();
  const take = (k: number): void => bench.put("out", bench.values.out === k ? 0 : k);
  const parts = [curves(), answers(), ring(), bars(take)] as const;
  const tabs = choice(SCHEMA.curve, bench.values.curve, (curve) => bench.put("curve", curve), true);
  let shown: Shown | null = null;
  let latest: Look | null = null;

  function draw(): void {
    if (!latest) return;
    const [members, , p] = latest.embed.shape;
    const i = Math.min(bench.values.member, members) - 1;
    const part = (name: string): Float32Array => {
      const { values } = latest![name];
      return values.subarray((i * values.length) / members, ((i + 1) * values.length) / members);
    };
    const first = part("embed").subarray(0, part("embed").length / 2); // of the first number
    const out = bench.values.out > (p - 1) / 2 ? 0 : bench.values.out;
    const network = { p, embed: part("embed"), first: part("first"), second: part("second") };
    const right = out ? rightly({ ...network, embed: without(network, out) }) : part("right");
    shown = {
      ...{ setting: bench.values, step: history.steps.at(-1) ?? 0, p, members, history },
      ...{ right, mask: part("mask"), embed: first, out },
      spectrum: spectrum(first, p),
    };
    for (const each of parts) each.show(shown);
  }

  const [curve, ...others] = parts;
  return {
    stage: [
      tabs.element,
      h("div", { class: "wide" }, curve.element),
      bench.hero,
      h("div", { class: "trio" }, ...others.map((part) => part.element)),
    ],
    side: (["fraction", "p", "members", "member", "out"] as const).map(bench.control),
    frame(look, step) {
      latest = look;
      history.add(step, look.scores.values);
      draw();
    },
    changed(values, restarted) {
      tabs.set(values.curve);
      bench.enable("member", values.members > 1);
      if (restarted) history.clear();
      else draw();
    },
    lead: () => LEAD,
    caption: () => (shown ? caption(shown) : ""),
    close: () => parts.forEach((part) => part.close()),
  };
}

function caption(shown: Shown): string {
  const [trained, others] = [score(shown, 2), score(shown, 3)];
  const percent = (share: number): string => `${Math.round(100 * share)}%`;
  if (shown.out) {
    const left = percent(share(shown.right, shown.mask, false));
    return `Without frequency ${shown.out}, ${left} of the other pairs are right; with it, ${percent(others)}.`;
  }
  const told = `${percent(trained)} of the pairs it trains on are right, ${percent(others)} of the others.`;
  if (trained < 0.95) return `Learning: ${told}`;
  if (others < 0.5) return `Memorised: ${told}`;
  return others < 0.95 ? `Generalising: ${told}` : `Understood: ${told}`;
}
