/** A network reads a walk on a graph of words; what it makes of them takes the graph's arrangement. */

import { choice } from "../controls/choice";
import { slider } from "../controls/slider";
import { BLUE, GREEN, ORANGE, sequential } from "../draw/colours";
import { legend } from "../draw/legend";
import { tensors } from "../inside/tensors";
import { calmly, h } from "../shell/dom";
import { notice } from "../shell/notice";
import { choice as choiceField, number, read, write, type Values } from "../shell/state";
import { charts, type Curves } from "./curves";
import { field, type Spot } from "./field";
import { laid, plane } from "./geometry";
import { ahead, GRAPHS } from "./graphs";
import { listed, Reading, Tracers, WALKS, WINDOW } from "./reader";

const SCHEMA = {
  words: number("Words read", 1, 128, 128),
  graph: choiceField("Hidden graph", "band", {
    band: "ring with chords",
    lattice: "grid with diagonals",
    ring: "plain ring",
    grid: "plain grid",
  }),
  site: choiceField("Where it is read", "3", {
    0: "the words",
    1: "attention 1",
    2: "block 1",
    3: "attention 2",
    4: "block 2",
  }),
  network: choiceField("Network", "1", { 0: "first", 1: "second" }),
  walk: number("Walk", 0, 99, 0),
};
type Setting = Values<typeof SCHEMA>;

// Names for the network's tokens, which have none: it was never told of letters.
const WORDS =
  "apple bird cloud drum egg fox glass hat iron jam kite lamp moon nest owl pear rain sun tree wolf".split(" ");
const TITLE = "A map that stands only in the text";
const LEAD =
  "A network reads the words that a walk on a hidden graph passes, and nothing else. As it reads, what it makes of the words comes to lie like the graph.";
const NOTE = " On this graph neighbours have no neighbour in common: see attention 1.";
const PACE = 80; // ms a word, when it plays
const TRAIL = 5; // steps of the walk that are drawn

/** Open the page. */
export function open(root: HTMLElement, query: URLSearchParams): () => void {
  let close = (): void => {};
  let closed = false;
  const said = h("div", { class: "notices" });
  const { values, problems } = read(query, SCHEMA);
  for (const problem of problems) notice(said, `${problem} The default is used.`);
  const holder = h("div", { class: "tracing" }, h("p", { class: "caption" }, "Fetching the network…"));
  root.append(said, h("header", { class: "opening" }, h("h1", {}, TITLE), h("p", { class: "lead" }, LEAD)), holder);
  void fetched("graph_tracing.safetensors").then(
    (tracers) => {
      if (!closed) close = build(holder, tracers, values, !query.has("words"));
    },
    (error) => notice(said, `The network cannot be had: ${String(error.message ?? error)} Reload to try again.`),
  );
  return () => {
    closed = true;
    close();
  };
}

async function fetched(path: string): Promise<Tracers> {
  const answer = await fetch(path).catch(() => null);
  if (!answer?.ok) throw new Error(`${path} is not beside this page.`);
  return new Tracers(tensors(await answer.arrayBuffer()));
}

function build(holder: HTMLElement, tracers: Tracers, values: Setting, fresh: boolean): () => void {
  let reading: Reading;
  let curves: Curves | null = null;
  let [playing, working] = [0, 0];
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const caption = h("p", { class: "caption", role: "status", "aria-live": "polite" });
  const strip = h("p", { class: "strip" });
  let gone = false;
  const address = calmly(200, () => {
    if (!gone) history.replaceState(null, "", write("graph_tracing", values, SCHEMA));
  });
  const light = (node: number): void => fields.forEach((each) => each.light(node));
  const walked = field("The hidden graph: click a neighbour to walk there", step, light);
  const mind = field("In the network: what it makes of each word", undefined, light);
  const fields = [walked, mind];
  const panels = charts(() => curves);

  const put = (changes: Partial<Setting>): void => {
    Object.assign(values, changes);
    for (const [name, control] of Object.entries(controls)) control.set(values[name as keyof Setting] as never);
    address();
    draw();
  };
  const controls = {
    words: slider(SCHEMA.words, values.words, (words) => {
      stop();
      put({ words });
    }),
    graph: choice(SCHEMA.graph, values.graph, (graph) => begin({ graph })),
    site: choice(SCHEMA.site, values.site, (site) => {
      measure(site);
      put({ site });
    }),
    network: choice(SCHEMA.network, values.network, (network) => begin({ network })),
    walk: slider(SCHEMA.walk, values.walk, (walk) => begin({ walk })),
  };
  const play = h("button", { type: "button", class: "play", title: "Key: space", onclick: () => (playing ? stop() : start()) }, "Play");
  const again = h("button", { type: "button", title: "Key: n", onclick: () => begin({ walk: (values.walk + 1) % 100 }) }, "New walk");

  function start(): void {
    if (values.words >= tracers.longest) put({ words: 1 });
    playing ||= window.setInterval(() => {
      if (values.words >= tracers.longest) stop();
      else if (reading.done.walks) put({ words: values.words + 1 });
    }, PACE);
    play.textContent = "Pause";
    caption.setAttribute("aria-live", "off"); // it changes faster than it can be read out
  }
  function stop(): void {
    window.clearInterval(playing);
    playing = 0;
    play.textContent = "Play";
    caption.setAttribute("aria-live", "polite");
  }
  function step(node: number): void {
    stop();
    reading.walk([...reading.walks[0].slice(0, values.words), node]);
    measure(values.site);
    put({ words: values.words + 1 });
  }
  /** Read other walks, a few at a time, so that the page stays awake. */
  function begin(changes: Partial<Setting>): void {
    window.clearTimeout(working);
    Object.assign(values, changes);
    reading = new Reading(tracers, GRAPHS[values.graph], values.walk, tracers.networks[Number(values.network)]);
    reading.more(); // the reader's own walk
    curves = null;
    const work = (): void => {
      const until = performance.now() + 25;
      let more = true;
      while (more && performance.now() < until) more = reading.more();
      const { walks } = reading.done;
      if (walks && (!curves || !more)) measure(values.site);
      if (walks) draw();
      else caption.textContent = "Reading…";
      if (more) working = window.setTimeout(work);
    };
    put({});
    work();
  }
  function measure(site: string): void {
    const { walks, controls } = reading.done;
    if (!walks) return;
    const { near } = reading.graph;
    const open = near.reduce((sum, each) => sum + each.length - 1, 0) / near.length;
    curves = {
      count: values.words,
      energies: reading.energies(Number(site)),
      shuffled: controls ? reading.energies(Number(site), true) : [],
      listed: listed(reading.graph),
      mass: reading.mass(),
      guess: open / (near.length - 1),
    };
  }

  function draw(): void {
    const { graph, walks, tokens } = reading;
    const count = values.words;
    const [walk, ready] = [walks[0].slice(0, count), reading.done.walks];
    const colour = ([x, y]: [number, number]): string => sequential((0.94 * (x + 2 * y)) / 3);
    const open = count < tracers.longest ? ahead(graph, walk) : [];
    const { nodes: chances } = reading.chances(count);
    const spots = tokens.map((token, node): Spot => ({
      word: WORDS[token] ?? String(token),
      colour: colour(graph.points[node]),
      marks: [node === walk.at(-1) ? "here" : "", ahead(graph, walk).includes(node) ? "next" : ""].filter(Boolean),
      live: open.includes(node),
      chance: chances[node],
      words: `${node === walk.at(-1) ? "the walk is here" : `expected next at ${Math.round(100 * chances[node])}%`}`,
    }));
    const latest = walk.slice(-TRAIL - 1);
    const trail = latest.slice(1).map((node, i): [number, number] => [latest[i], node]);
    walked.show(spots, graph.points, graph.edges, trail);
    const means = ready ? reading.means(Number(values.site), count) : null;
    if (means) {
      const points = inside(laid(plane(means).scores, graph.points).points);
      mind.show(spots.map(({ word, colour }) => ({ word, colour })), points, graph.edges);
    }
    if (!curves) return;
    curves.count = count;
    for (const each of panels) each.refresh();
    const text = `${told(curves)}${Number(values.site) > 2 && curves.listed > 1 ? NOTE : ""}`;
    caption.textContent = text;
    mind.describe(text);
    strip.replaceChildren(...heard(walk.map((node) => spots[node].word)));
  }

  const keys = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && /^(BUTTON|SELECT|A|SUMMARY)$/.test((event.target as HTMLElement).tagName)) return;
    const act = { " ": () => play.click(), n: () => again.click() }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", keys);
  holder.replaceChildren(
    strip,
    h("div", { class: "pair maps" }, walked.element, mind.element),
    h("div", { class: "hero wide" }, h("div", { class: "hand" }, h("div", { class: "buttons" }, play, again), controls.words.element), caption),
    h("div", { class: "row settings" }, controls.graph.element, controls.site.element, controls.network.element, controls.walk.element),
    legend([[BLUE, "the network"], [ORANGE, "it reads the same words in random order"], [GREEN, "perfect lists of each word's neighbours"]]),
    h("div", { class: "pair charted" }, ...panels.map((each) => each.figure)),
    ...about(tracers).map((text) => h("p", { class: "engine" }, text)),
  );
  begin({});
  if (fresh && !calm) {
    values.words = 1;
    start();
  }
  return () => {
    gone = true;
    stop();
    window.clearTimeout(working);
    document.removeEventListener("keydown", keys);
    for (const each of [...fields, ...panels]) each.close();
  };
}

/** Points drawn in about their middle, where some would lie outside the unit square. */
function inside(points: [number, number][]): [number, number][] {
  const far = Math.max(...points.flat().map((value) => Math.abs(value - 0.5)));
  const scale = Math.min(1, 0.52 / far);
  return points.map(([x, y]) => [0.5 + scale * (x - 0.5), 0.5 + scale * (y - 0.5)]);
}

/** What is seen, in words. */
function told({ count, energies, mass, shuffled }: Curves): string {
  const two = (value: number): string => (Number.isFinite(value) ? value.toFixed(2) : "–");
  const control = Number.isFinite(shuffled[count - 1]) ? ` (${two(shuffled[count - 1])} with its words in random order)` : "";
  return (
    `After ${count} ${count === 1 ? "word" : "words"} the squared distance of neighbours is ${two(energies[count - 1])} of that of any two words${control}. ` +
    `${Math.round(100 * mass[count - 1])}% of its chances for the next word are on neighbours.`
  );
}

/** The latest words. */
function heard(words: string[]): Node[] {
  const latest = words.slice(-12);
  return latest.flatMap((word, i) => [
    h(i === latest.length - 1 ? "b" : "span", {}, word),
    document.createTextNode(" "),
  ]);
}

/** How the pictures are made, and of which networks. */
function about({ about, longest }: Tracers): string[] {
  const seeds = about.seeds.split(" ").join(" and ");
  return [
    `Left: discs are the network's chances for the next word, orange where that is no neighbour. Right: each word's mean residual stream over its visits in the latest ${WINDOW} places of ${WALKS} walks, which the network reads side by side, yours first; two principal components, turned and scaled to be compared with the graph.`,
    "After attention 1, whose heads look most at the word before, a word carries some of its neighbours, which alone draws any graph in part (Arditi 2026). After attention 2 it seems to carry a list of the words that it was met beside (green): such lists lie like the graph where neighbours have neighbours in common, and not on a plain ring or grid. In the first few words all that has been read lies near, whatever is kept of it.",
    `The networks are two of the study ${about.study}, all that were trained for this page (${about.preset} preset with ${Number(about.steps).toLocaleString("en")} steps, seeds ${seeds}, weights in 8 bits), on rings, random graphs and trees with other words in every context, up to ${longest} of them: of these graphs they have met plain rings only. The place read first is where the graph shows best. Words are this page's names for tokens; a walk does not turn straight back. Everything runs in this page.`,
  ];
}
