/** The playground of attention: an induction head forms. */

import { h } from "../shell/dom";
import { choice as choiceField, number, type Values } from "../shell/state";
import { History } from "../train/history";
import { playground, type Bench, type Scene } from "../train/playground";
import type { Look } from "../train/protocol";
import { arcs } from "./arcs";
import { curves } from "./curves";
import { heads } from "./heads";

export const LENGTH = 16;

export const SCHEMA = {
  query: number("Position that looks back", 2, LENGTH, 14),
  depth: choiceField("Layers", "2", { 1: "one", 2: "two" }),
  heads: choiceField("Heads in a layer", "2", { 1: "1", 2: "2", 4: "4" }),
  period: number("Period of the sequence shown", 4, 7, 6),
  members: number("Networks", 1, 6, 2),
  member: number("Network shown", 1, 6, 1),
  off: { ...number("Head switched off", 0, 8, 0), zero: "none" },
  width: choiceField("Width", "16", { 16: "16", 32: "32" }),
  rate: number("Learning rate", 0.001, 0.03, 0.01, 0.001, true),
  seed: number("Seed", 0, 999, 1),
};

export type Setting = Values<typeof SCHEMA>;

/** The member shown, as the last frame had it, and the past of all. */
export interface Shown {
  setting: Setting;
  members: number;
  member: number;
  layers: number;
  heads: number;
  /** Attention of every head, layer after layer, (heads, L, L). */
  pattern: Float32Array;
  tokens: Float32Array;
  /** Cross-entropy of the next token at each position. */
  nats: Float32Array;
  /** Head that is switched off, from 1; 0 for none. */
  off: number;
  /** Accuracy of copies without it. */
  without: number;
  /** Induction and previous-token score of every head. */
  scores: Float32Array;
  /** Per member: best induction score, best previous-token score, accuracy of copies. */
  history: History;
}

/** What a token is called. */
export function letter(token: number): string {
  return "abcdefgh"[token];
}

/** What a head is called in a sentence. */
export function headName({ heads, layers }: Pick<Shown, "heads" | "layers">, head: number): string {
  const layer = layers > 1 ? `layer ${Math.floor(head / heads) + 1}, ` : "";
  return `${layer}head ${(head % heads) + 1}`;
}

/** Open the page. */
export function open(root: HTMLElement, query: URLSearchParams): () => void {
  return playground(root, query, {
    page: "attention",
    title: "A head that finds what came next last time",
    schema: SCHEMA,
    live: ["rate", "period", "off"],
    shown: ["query", "member"],
    hero: "query",
    more: ["width", "rate", "seed"],
    settings: (values) => values,
    build,
  });
}

const LEAD =
  "The letters repeat, so what comes next has been seen before. Layer 1 learns to look one letter back; on top of it, layer 2 learns to look at what followed the same letter last time. One layer cannot. Click a head to switch it off.";

function build(bench: Bench<typeof SCHEMA>): Scene<typeof SCHEMA> {
  const history = new History();
  const toggle = (head: number): void => bench.put("off", bench.values.off === head ? 0 : head);
  const parts = [arcs((query) => bench.put("query", query)), heads(toggle), curves()] as const;
  let shown: Shown | null = null;
  let latest: Look | null = null;

  function draw(): void {
    if (!latest) return;
    const members = latest.pattern.shape[0];
    const member = Math.min(bench.values.member, members) - 1;
    const part = (name: string): Float32Array => {
      const { values } = latest![name];
      return values.subarray((member * values.length) / members, ((member + 1) * values.length) / members);
    };
    const all = latest.pattern.shape[1];
    const layers = all === Number(bench.values.heads) ? 1 : Math.max(1, Math.round(all / Number(bench.values.heads)));
    shown = {
      ...{ setting: bench.values, members, member, layers, heads: all / layers, history },
      off: bench.values.off,
      without: latest.without.values[member],
      ...{ pattern: part("pattern"), nats: part("nats"), scores: part("scores") },
      tokens: latest.tokens.values,
    };
    for (const each of parts) each.show(shown);
  }

  const [above, patterns, curve] = parts;
  return {
    stage: [
      h("div", { class: "wide" }, above.element),
      bench.hero,
      patterns.element,
      h("div", { class: "wide" }, curve.element),
    ],
    side: (["depth", "heads", "period", "members", "member", "off"] as const).map(bench.control),
    frame(look, step) {
      latest = look;
      history.add(step, best(look));
      draw();
    },
    changed(values, restarted) {
      bench.enable("member", values.members > 1);
      if (restarted) {
        history.clear();
        [latest, shown] = [null, null];
      } else draw();
    },
    lead: () => LEAD,
    caption: () => (shown ? caption(shown) : ""),
    close: () => parts.forEach((part) => part.close()),
  };
}

/** Best scores of each member's heads, and its accuracy: 3 columns a member. */
function best({ scores, accuracy }: Look): Float32Array {
  const [members, heads] = scores.shape;
  const row = new Float32Array(3 * members);
  for (let p = 0; p < members; p++) {
    for (let head = 0; head < heads; head++) {
      for (const which of [0, 1]) {
        const value = scores.values[2 * (p * heads + head) + which];
        row[3 * p + which] = Math.max(row[3 * p + which], value);
      }
    }
    row[3 * p + 2] = accuracy.values[p];
  }
  return row;
}

function caption(shown: Shown): string {
  const row = shown.history.rows.at(-1);
  if (!row) return "";
  const [induction, , accuracy] = row.subarray(3 * shown.member, 3 * shown.member + 3);
  const { off, layers, heads } = shown;
  if (off > 0 && off <= layers * heads) {
    const [left, all] = [shown.without, accuracy].map((share) => `${Math.round(100 * share)}%`);
    return `With ${headName(shown, off - 1)} switched off, ${left} of the repeated letters are foreseen; with it, ${all}.`;
  }
  const copies = `${Math.round(100 * accuracy)}% of the repeated letters are foreseen`;
  if (induction > 0.5) return `An induction head: ${copies}.`;
  return accuracy > 0.9 ? `No induction head, and yet ${copies}: it found another way.` : `No induction head yet: ${copies}.`;
}
