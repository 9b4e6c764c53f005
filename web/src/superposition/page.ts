/** The playground of superposition: more features than dimensions. */

import { choice } from "../controls/choice";
import { h } from "../shell/dom";
import { choice as choiceField, number, type Values } from "../shell/state";
import { playground, type Bench, type Scene } from "../train/playground";
import type { Look } from "../train/protocol";
import { diagram } from "./diagram";
import { matrix } from "./matrix";
import { picture } from "./picture";
import { strip } from "./strip";
import { sweep } from "./sweep";

export const SCHEMA = {
  view: choiceField("View", "picture", {
    picture: "Picture",
    sweep: "Sweep",
    phase: "Phase diagram",
  }),
  density: number("Density", 0.01, 1, 1, 0.01, true),
  importance: number("Importance, each less than the last by", 0.5, 1, 0.9, 0.01),
  features: number("Features", 2, 40, 5),
  hidden: number("Dimensions", 1, 10, 2),
  members: number("Networks", 1, 64, 16),
  activation: choiceField("Output", "relu", { relu: "ReLU", linear: "linear" }),
  rate: number("Learning rate", 0.001, 0.1, 0.01, 0.001, true),
  batch: number("Batch", 32, 1024, 256, 32),
  seed: number("Seed", 0, 999, 0),
  member: number("Network shown", 1, 144, 1),
};

export type Setting = Values<typeof SCHEMA>;

/** The population as the last frame had it. */
export interface Shown {
  setting: Setting;
  step: number;
  W: Float32Array;
  b: Float32Array;
  losses: Float32Array | null;
  members: number;
  features: number;
  hidden: number;
}

/** One of the views. */
export interface View {
  element: HTMLElement;
  show(shown: Shown): void;
  caption(shown: Shown): string;
  /** Forget what earlier populations left. */
  reset?(): void;
  close(): void;
}

/** W (M, N) of one network. */
export function weights({ W, hidden, features }: Shown, p: number): Float32Array {
  return W.subarray(p * hidden * features, (p + 1) * hidden * features);
}

/** The chosen network, counted from 0. */
export function chosen(shown: Shown): number {
  return Math.min(shown.setting.member, shown.members) - 1;
}

/** Sizes of the networks of a view: the phase diagram has its own. */
export function sizes(setting: Setting): { features: number; hidden: number } {
  if (setting.view === "phase") return { features: 2, hidden: 1 };
  return { features: setting.features, hidden: Math.min(setting.hidden, setting.features) };
}

/** What a view decides itself. */
function forced(setting: Setting): Partial<Setting> {
  return setting.view === "phase" ? { ...sizes(setting), activation: "relu" } : sizes(setting);
}

/** Open the page. */
export function open(root: HTMLElement, query: URLSearchParams): () => void {
  return playground(root, query, {
    page: "superposition",
    title: "More features than dimensions",
    schema: SCHEMA,
    live: ["rate"],
    shown: ["member"],
    hero: "density",
    more: ["activation", "rate", "batch", "seed"],
    settings: (values) => ({ ...values, ...forced(values) }),
    build,
  });
}

const LEADS: Record<string, string> = {
  picture:
    "Drag the density down: as features become rare, a network fits in more of them than it has dimensions.",
  sweep:
    "Each network has its own density. Where all features are always there, a feature takes a whole dimension; where they are rare, half of one or less.",
  phase:
    "Two features, one dimension, a network in every cell. Training is repeated and the best network kept; the lines are where theory changes its mind.",
};

/** What suits a view when it is chosen, where the setting is still that of another view. */
const SUITS: Record<string, Partial<Setting>> = {
  picture: { features: 5, hidden: 2, members: 16, rate: 0.01 },
  sweep: { features: 40, hidden: 8, members: 32, rate: 0.01 },
  phase: { rate: 0.05 },
};

function build(bench: Bench<typeof SCHEMA>): Scene<typeof SCHEMA> {
  const select = (p: number): void => bench.put("member", p + 1);
  const views: Record<string, View> = {
    picture: picture(),
    sweep: sweep(select),
    phase: diagram(select, bench.again),
  };
  const beside = matrix();
  const all = strip(select);
  const holder = h("div", { class: "view" });
  const tabs = choice(SCHEMA.view, bench.values.view, go, true);
  let shown: Shown | null = null;

  function go(view: string): void {
    const suits = SUITS[view];
    for (const [name, value] of Object.entries(suits)) {
      bench.values[name as "rate"] = value as number;
      bench.refresh(name as "rate");
    }
    bench.put("member", { picture: 1, sweep: 12, phase: 79 }[view]!);
    bench.put("view", view);
  }

  function draw(): void {
    if (!shown) return;
    views[bench.values.view].show(shown);
    beside.show(shown);
    all.show(shown);
  }

  const sliders = ["importance", "features", "hidden", "members", "member"] as const;
  return {
    stage: [tabs.element, holder, bench.hero],
    side: [...sliders.map(bench.control), beside.element, all.element],
    frame(look: Look, step: number) {
      const [members, hidden, features] = look.W.shape;
      shown = {
        ...{ setting: bench.values, step, members, hidden, features },
        ...{ W: look.W.values, b: look.b.values, losses: look.losses?.values ?? null },
      };
      draw();
    },
    changed(values, restarted) {
      const { view } = values;
      tabs.set(view);
      if (holder.firstChild !== views[view].element) holder.replaceChildren(views[view].element);
      for (const name of ["density", ...sliders] as const) {
        const used = uses(view, name);
        bench.control(name).hidden = !used;
      }
      all.element.hidden = view !== "picture";
      if (restarted) views[view].reset?.();
      else draw();
    },
    lead: () => LEADS[bench.values.view],
    caption: () => (shown ? views[bench.values.view].caption(shown) : ""),
    close: () => [...Object.values(views), beside, all].forEach((part) => part.close()),
  };
}

function uses(view: string, name: string): boolean {
  if (view === "phase") return name === "member";
  return view === "sweep" ? !["density", "importance"].includes(name) : true;
}
