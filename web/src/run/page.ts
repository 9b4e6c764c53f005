/** The explorer of a run, opened or an example: curves, members, snapshots, claims, figures. */

import { choice } from "../controls/choice";
import { calmly, h } from "../shell/dom";
import { notice } from "../shell/notice";
import { choice as choiceField, number, read, write, type ChoiceField, type Schema, type Values } from "../shell/state";
import { server, type About, type Source } from "./api";
import { claims } from "./claims";
import { curves } from "./curves";
import { example } from "./example";
import { figures } from "./figures";
import { members } from "./members";
import { snapshots } from "./snapshots";

/** What every view is given. */
export interface Bench {
  source: Source;
  about: About;
  values: Record<string, number | string>;
  put(name: string, value: number | string): void;
  failed(error: unknown): void;
}

/** One of the views. */
export interface View {
  element: HTMLElement;
  /** Show what the settings ask for now. */
  show(): void;
  close(): void;
}

const VIEWS: Record<string, { title: string; make(bench: Bench): View }> = {
  curves: { title: "Curves", make: curves },
  members: { title: "Members", make: members },
  snapshots: { title: "Snapshots", make: snapshots },
  claims: { title: "Claims", make: claims },
  figures: { title: "Figures", make: figures },
};

/** Runs that are shipped with the pages, each in a file of this name beside them; and what to look at first. */
const EXAMPLES: Record<string, { title: string; first: string }> = {
  superposition: { title: "Superposition", first: "population=relu&by=density" },
  grokking: { title: "Grokking", first: "metric=test_accuracy&by=weight_decay" },
};
const OPENED = "opened";

/** Whether the local server has a run open, as it says in the page. */
export function opened(): boolean {
  return Boolean(document.querySelector<HTMLMetaElement>('meta[name="toylab-run"]')?.content);
}

/** Open the page. */
export function open(root: HTMLElement, query: URLSearchParams): () => void {
  let close = (): void => {};
  let closed = false;
  const said = h("div", { class: "notices" });
  const titles = Object.entries(EXAMPLES).map(([name, { title }]) => [name, title]);
  const runs: Record<string, string> = Object.fromEntries(opened() ? [[OPENED, "The opened run"], ...titles] : titles);
  const of = choiceField("Run", Object.keys(runs)[0], runs);
  const { values, problems } = read(new URLSearchParams(query.has("of") ? { of: query.get("of")! } : {}), { of });
  for (const problem of problems) notice(said, `${problem} The default is used.`);
  const links = Object.entries(runs).map(([name, title]) => {
    const href = `#/run?${[`of=${name}`, EXAMPLES[name]?.first].filter(Boolean).join("&")}`;
    return h("a", { href, "aria-current": name === values.of ? "page" : null }, title);
  });
  const shelf = h("nav", { class: "shelf", "aria-label": "Runs" }, ...links);
  const holder = h("div", {}, h("p", { class: "lead" }, "Reading the run…"));
  root.append(said, shelf, holder);
  const source = values.of === OPENED ? Promise.resolve(server) : example(`run_${values.of}.safetensors`);
  void source
    .then(async (source) => ({ source, about: await source.ask<About>("run") }))
    .then(
      ({ source, about }) => {
        if (!closed) close = build(holder, said, query, { source, about, of });
      },
      (error) => {
        holder.replaceChildren();
        notice(said, `The run cannot be read: ${String(error.message ?? error)}`);
      },
    );
  return () => {
    closed = true;
    close();
  };
}

interface Found {
  source: Source;
  about: About;
  of: ChoiceField;
}

/** Settings that this run allows. */
function schemaOf(about: About, of: ChoiceField): Schema {
  const names = Object.keys(about.populations);
  const all = <K extends "metrics" | "by">(key: K): string[] => [
    ...new Set(Object.values(about.populations).flatMap((p) => p[key])),
  ];
  const named = (list: string[]): Record<string, string> => Object.fromEntries(list.map((name) => [name, name]));
  const metrics = all("metrics");
  const most = Math.max(0, ...Object.values(about.populations).map((p) => p.members - 1));
  const last = Math.max(0, ...Object.values(about.populations).flatMap((p) => p.steps));
  return {
    of,
    view: choiceField("View", "curves", Object.fromEntries(Object.entries(VIEWS).map(([k, v]) => [k, v.title]))),
    population: choiceField("Population", names[0] ?? "", named(names)),
    metric: choiceField("Metric", metrics.find((name) => name.includes("loss")) ?? metrics[0] ?? "", named(metrics)),
    by: choiceField("Lines for each", "", { "": "all", ...named(all("by")) }),
    member: number("Member", 0, most, 0),
    step: number("Step", 0, last, last),
    sort: number("Column", -99, 99, 0),
  };
}

function build(holder: HTMLElement, said: HTMLElement, query: URLSearchParams, { source, about, of }: Found): () => void {
  const schema = schemaOf(about, of);
  const { values: found, problems } = read(query, schema);
  const values = found as Bench["values"];
  for (const problem of problems) notice(said, `${problem} The default is used.`);
  for (const loss of about.losses) notice(said, `${loss}; their values after that are left out.`);
  const address = calmly(200, () => history.replaceState(null, "", write("run", values as Values, schema)));
  const bench: Bench = {
    source,
    about,
    values,
    put(name, value) {
      values[name] = value;
      address();
      view.show();
    },
    failed: (error) => notice(said, String(error instanceof Error ? error.message : error)),
  };
  const place = h("div", { class: "run" });
  let view: View;
  const go = (name: string): void => {
    view?.close();
    values.view = name;
    address();
    view = VIEWS[name].make(bench);
    place.replaceChildren(view.element);
    view.show();
  };
  const tabs = choice(schema.view as never, String(values.view), go, true);
  holder.replaceChildren(
    h("header", { class: "opening" }, h("h1", {}, title(about)), h("p", { class: "lead" }, line(about))),
    tabs.element,
    place,
  );
  go(String(values.view));
  return () => view.close();
}

function title(about: About): string {
  const name = about.study.replaceAll("_", " ");
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}, ${about.preset}`;
}

function line(about: About): string {
  const count = Object.values(about.populations).reduce((sum, p) => sum + p.members, 0);
  const took = about.wall_s ? `${Math.round(about.wall_s)} s on ${about.device ?? "?"}` : "not finished yet";
  const many = Object.keys(about.populations).length;
  const networks = `${count} networks${many > 1 ? ` in ${many} populations` : ""}`;
  const without = about.left_out?.length ? ` Left out: ${about.left_out.join(", ")}.` : "";
  return `${networks}, ${took}. ${about.path}${without}`;
}

/** The choice of a population, where there are several. */
export function populations({ about, values, put }: Bench): HTMLElement | null {
  const names = Object.keys(about.populations);
  if (names.length < 2) return null;
  const field = choiceField("Population", names[0], Object.fromEntries(names.map((name) => [name, name])));
  return choice(field, String(values.population), (name) => put("population", name)).element;
}
