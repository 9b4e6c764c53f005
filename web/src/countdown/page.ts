/** Inside a network that plays CountDown: it writes attempts and judges them, until the heads that do so are off. */

import { choice } from "../controls/choice";
import { slider } from "../controls/slider";
import { tensors } from "../inside/tensors";
import { Random } from "../numerics/random";
import { calmly, h } from "../shell/dom";
import { notice } from "../shell/notice";
import { choice as choiceField, number, read, write, type Schema, type Values } from "../shell/state";
import { heads, tally } from "./heads";
import { Player, type Cut, type Head, type Written } from "./player";
import type { Problem } from "./rules";
import { trace, type Judged } from "./trace";

const PACE = 45; // ms a token
const TITLE = "It notices when it is right, until three heads are off";
const LEAD =
  "A small network plays CountDown: it makes the target from the numbers, each used once, and marks each attempt ok or no. The bars are what a probe reads in it under every token: blue, it believes that it is right; orange, that it is wrong.";
const COLUMNS = ["The whole network", "Heads off: click some", "As many others off"];

function schemaOf(player: Player) {
  const { low, high, largest } = player.rules.settings;
  const first = player.problems[player.first] ?? player.problems[0];
  const mask = maskOf(player.heads, player.network.heads);
  return {
    target: number("Target", low, high, first.target),
    a: number("First number", 1, largest, first.numbers[0]),
    b: number("Second number", 1, largest, first.numbers[1]),
    c: number("Third number", 1, largest, first.numbers[2]),
    off: number("Heads off", 0, 2 ** (player.network.depth * player.network.heads) - 1, mask),
    at: choiceField("They are off", "verdict", { verdict: "at the verdict", everywhere: "everywhere" }),
    begin: choiceField("The first attempt", "own", { own: "is its own", right: "is a right one, given" }),
    how: choiceField("It writes", "likeliest", { likeliest: "the likeliest tokens", drawn: "drawn ones" }),
    seed: number("Seed of the draw", 0, 99, 0),
    others: number("Draw of the others", 0, 99, 0),
  } satisfies Schema;
}
type Setting = Values<ReturnType<typeof schemaOf>>;

/** Open the page. */
export function open(root: HTMLElement, query: URLSearchParams): () => void {
  let closed = false;
  let stop = (): void => {};
  const said = h("div", { class: "notices" });
  const holder = h("div", { class: "countdown" }, h("p", { class: "caption" }, "Fetching the network…"));
  root.append(said, h("header", { class: "opening" }, h("h1", {}, TITLE), h("p", { class: "lead" }, LEAD)), holder);
  void fetched("countdown.safetensors").then(
    (player) => {
      if (closed) return;
      const { values, problems } = read(query, schemaOf(player));
      for (const problem of problems) notice(said, `${problem} The default is used.`);
      stop = build(holder, player, values);
    },
    (error) => {
      holder.replaceChildren();
      notice(said, `The network cannot be had: ${String(error.message ?? error)} Reload to try again.`);
    },
  );
  return () => {
    closed = true;
    stop();
  };
}

async function fetched(path: string): Promise<Player> {
  const answer = await fetch(path).catch(() => null);
  if (!answer?.ok) throw new Error(`${path} is not beside this page.`);
  return new Player(tensors(await answer.arrayBuffer()));
}

/** Heads as bits of a number, and back. */
function maskOf(chosen: Head[], width: number): number {
  return chosen.reduce((mask, [layer, head]) => mask | (1 << (layer * width + head)), 0);
}

function headsOf(mask: number, depth: number, width: number): Head[] {
  const every = Array.from({ length: depth * width }, (_, i): Head => [Math.floor(i / width), i % width]);
  return every.filter((_, i) => (mask >> i) & 1);
}

function build(holder: HTMLElement, player: Player, values: Setting): () => void {
  const { rules, network, problems } = player;
  const schema = schemaOf(player);
  const caption = h("p", { class: "caption", role: "status" });
  const address = calmly(200, () => history.replaceState(null, "", write("countdown", values, schema)));
  let timer = 0;
  let counting = 0;
  const chosen = (): Head[] => headsOf(values.off, network.depth, network.heads);

  /** As many heads that are on, drawn. */
  const others = (): Head[] => {
    const random = new Random(values.others, "others");
    const rest = headsOf(~values.off, network.depth, network.heads);
    return chosen()
      .map(() => rest.splice(random.below(rest.length), 1)[0])
      .filter(Boolean);
  };
  const cuts = (): Cut[] => [[], chosen(), others()].map((heads) => ({ heads, everywhere: values.at === "everywhere" }));
  const problem = (): Problem => ({ target: values.target, numbers: [values.a, values.b, values.c] });
  const place = (): number => problems.findIndex((one) => String([one.target, one.numbers]) === String([values.target, values.a, values.b, values.c]));

  const put = (changes: Partial<Setting>): void => {
    const recount = "off" in changes || "at" in changes || "others" in changes;
    Object.assign(values, changes);
    address();
    show();
    play();
    if (recount) count();
  };
  const to = (index: number): Partial<Setting> => {
    const [a, b, c] = problems[index].numbers;
    return { target: problems[index].target, a, b, c };
  };
  const toggle = ([layer, head]: Head): void => put({ off: values.off ^ (1 << (layer * network.heads + head)) });

  const tile = (name: "target" | "a" | "b" | "c"): HTMLInputElement => {
    const { label, low, high } = schema[name];
    const input = h("input", { type: "number", class: name === "target" ? "target" : "", min: low, max: high, "aria-label": label });
    input.addEventListener("change", () => {
      const value = Number(input.value);
      if (Number.isInteger(value) && value >= low && value <= high) put({ [name]: value });
      else {
        input.value = String(values[name]);
        caption.textContent = `${label} is a whole number from ${low} to ${high}.`;
      }
    });
    return input;
  };
  const tiles = { target: tile("target"), a: tile("a"), b: tile("b"), c: tile("c") };
  const list = h("select", { "aria-label": "Problem" });
  list.append(h("option", { value: -1 }, "own numbers"));
  problems.forEach(({ target, numbers }, i) => list.append(h("option", { value: i }, `${target} from ${numbers.join(", ")}`)));
  list.addEventListener("change", () => {
    if (Number(list.value) >= 0) put(to(Number(list.value)));
  });
  const redraw = h("button", { type: "button", onclick: () => put({ others: (values.others + 1) % 100 }) }, "Draw others");
  const next = (): void => put(to((place() + 1) % problems.length));
  const columns = COLUMNS.map((name, i) => ({
    trace: trace(rules, name),
    grid: heads(`${name}: heads`, player.carried, i === 1 ? toggle : undefined),
    tally: tally(problems, (index) => put({ ...to(index), begin: "right" })),
    passed: problems.map((): boolean | null => null),
  }));
  const controls = {
    at: choice(schema.at, values.at, (at) => put({ at })),
    begin: choice(schema.begin, values.begin, (begin) => put({ begin })),
    how: choice(schema.how, values.how, (how) => put({ how })),
    seed: slider(schema.seed, values.seed, (seed) => put({ seed })),
  };

  function show(): void {
    for (const [name, control] of Object.entries(controls)) control.set(values[name as keyof Setting] as never);
    for (const [name, input] of Object.entries(tiles)) input.value = String(values[name as keyof Setting]);
    controls.seed.enable(values.how === "drawn");
    list.value = String(place());
    cuts().forEach((cut, i) => columns[i].grid.show(cut.heads));
    columns.forEach(({ tally, passed }) => tally.show(passed, place()));
  }

  /** Write the traces anew, a token of each at a time. */
  function play(): void {
    window.clearTimeout(timer);
    const asked = problem();
    const solution = rules.solve(asked);
    const given = values.begin === "right" && solution ? [...solution, rules.token("(")] : [];
    const writers = cuts().map((cut, i): Generator<Written> => {
      columns[i].trace.clear(asked);
      const random = values.how === "drawn" ? new Random(values.seed, "trace") : undefined;
      return player.write({ problem: asked, cut, given, random });
    });
    caption.textContent = solution ? "" : `${asked.target} cannot be made from these numbers.`;
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const tick = (): boolean => {
      const found = writers.map((writer) => writer.next());
      found.forEach(({ value, done }, i) => {
        if (!done) columns[i].trace.put(value);
      });
      if (found.some(({ done }) => !done)) return true;
      if (solution) caption.textContent = words(columns.map(({ trace }) => trace.judged), cuts());
      return false;
    };
    const go = (): void => {
      if (tick()) timer = window.setTimeout(go, PACE);
    };
    if (calm) while (tick());
    else go();
  }

  /** Count the problems at which a right attempt is noticed, some at a time. */
  function count(): void {
    window.clearTimeout(counting);
    const now = cuts();
    const start = columns[0].passed.includes(null) ? 0 : 1; // the whole network's stay
    columns.slice(start).forEach((column) => column.passed.fill(null));
    const todo = now.flatMap((cut, i) => (i < start ? [] : problems.map((_, which) => ({ cut, i, which })))).sort((x, y) => x.which - y.which);
    const go = (): void => {
      for (const { cut, i, which } of todo.splice(0, 3)) {
        columns[i].passed[which] = player.accepts(problems[which], rules.solve(problems[which])!, cut);
        columns[i].tally.show(columns[i].passed, place());
      }
      if (todo.length) counting = window.setTimeout(go, 0);
    };
    go();
  }

  const { about } = player;
  holder.replaceChildren(
    h(
      "div",
      { class: "ask" },
      h("span", { class: "tiles" }, "make", tiles.target, "from", tiles.a, tiles.b, tiles.c),
      list,
      h("button", { type: "button", onclick: next }, "Next problem"),
      h("button", { type: "button", onclick: play }, "Write again"),
    ),
    caption,
    h(
      "div",
      { class: "columns" },
      ...columns.map(({ trace, grid, tally }, i) =>
        h("section", {}, h("h2", {}, COLUMNS[i], i === 2 && redraw), grid.element, tally.element, trace.element),
      ),
    ),
    h("ul", { class: "legend" }, key("yes", "it believes the attempt is right"), key("no", "it believes it is wrong"), key("head", "a head, darker where it carries more of the verdict"), key("off", "a head that is off")),
    h("div", { class: "row settings" }, controls.at.element, controls.begin.element, controls.how.element, controls.seed.element),
    h("p", { class: "engine" }, told(about)),
  );
  show();
  play();
  count();
  return () => {
    window.clearTimeout(timer);
    window.clearTimeout(counting);
  };
}

function key(kind: string, text: string): HTMLElement {
  return h("li", {}, h("span", { class: `key ${kind}` }), text);
}

function told({ arm, preset, seed, verdicts, tested, layer, solved }: Record<string, string>): string {
  const right = `${(100 * Number(verdicts)).toFixed(0)}% of its verdicts on ${tested} given attempts are right`;
  return `Squares: problems with numbers that it never saw, a right attempt put before it; press one to see it. The network is that of countdown (${preset}, seed ${seed}, ${arm === "reward" ? "after" : "before"} reward), in 8 bits: ${right}; it solves ${solved} of these problems, fewer than random search would. The heads off at first are the three that carry most of the verdict when they are patched, as self_verification chooses them, on other problems. They are off at the result and at "(", or everywhere. The probe reads layer ${layer}, for each token its own. Seeds of the study differ in which heads check. All of it runs in this page.`;
}

/** One line on what is seen. */
function words(judged: Judged[][], cuts: Cut[]): string {
  const [whole, less, control] = judged.map((one) => {
    const right = one.filter((attempt) => attempt.right && attempt.verdict);
    if (!right.length) return "makes no right attempt";
    return right.some(({ verdict }) => verdict === "ok") ? "notices that it is right" : "does not notice that it is right";
  });
  const off = cuts[1].heads.length;
  if (!off) return `The whole network ${whole}. Switch heads off to see who does it.`;
  const short = (told: string): string => told.replace(" that it is right", "");
  const others = `without ${cuts[2].heads.length} others it ${short(control)}`;
  return `The whole network ${whole}; without ${off} ${off === 1 ? "head" : "heads"} it ${short(less)}, ${others}.`;
}
