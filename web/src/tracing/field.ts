/** Words at points of a square, with edges between them; they glide when they move, and may be pressed. */

import { fresh, h } from "../shell/dom";

type Point = [x: number, y: number];

/** How a word looks. */
export interface Spot {
  word: string;
  colour: string;
  /** Classes: `here`, `next`, `met`, `lit`. */
  marks?: string[];
  /** What it says besides its word. */
  words?: string;
  /** Whether a press does something. */
  live?: boolean;
  /** Chance that is drawn as a disc behind it, of that area. */
  chance?: number;
}

export interface Field {
  element: HTMLElement;
  /** Put words at points of the unit square. */
  show(spots: Spot[], points: Point[], edges: [number, number][], trail?: [number, number][]): void;
  /** What it shows, for those who cannot see it. */
  describe(text: string): void;
  /** Mark one word, or none. */
  light(node: number): void;
  close(): void;
}

const MARGIN = 0.1; // of the field
const UNDER = 0.05; // of it, more at its foot, for words under dots
const SVG = "http://www.w3.org/2000/svg";
const PACE = 0.22; // of the way in each frame of the screen

/** Make a field; `press` hears a word that is pressed, `over` one that is pointed at, -1 for none. */
export function field(name: string, press?: (node: number) => void, over?: (node: number) => void): Field {
  const id = fresh("field");
  const lines = document.createElementNS(SVG, "svg");
  lines.setAttribute("viewBox", "0 0 1 1");
  lines.setAttribute("preserveAspectRatio", "none");
  lines.setAttribute("aria-hidden", "true");
  const inner = h("div", { class: "field", role: press ? "group" : "img", "aria-labelledby": press ? id : null });
  const element = h("figure", {}, h("figcaption", { id }, name), inner);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  let buttons: HTMLElement[] = [];
  let [now, wanted]: [Point[], Point[]] = [[], []];
  let [edges, trail]: [[number, number][], [number, number][]] = [[], []];
  let frame = 0;

  const build = (count: number): void => {
    buttons = Array.from({ length: count }, (_, node) => {
      const told = { onpointerenter: () => over?.(node), onpointerleave: () => over?.(-1) };
      const inside = [h("i", { class: "chance" }), h("i", { class: "dot" }), h("b", {})];
      if (!press) return h("span", { class: "spot", "aria-hidden": "true", ...told }, ...inside);
      return h("button", { type: "button", class: "spot", onclick: () => press(node), ...told }, ...inside);
    });
    inner.replaceChildren(lines, ...buttons);
  };
  const across = (x: number): number => MARGIN + (1 - 2 * MARGIN) * x;
  const down = (y: number): number => MARGIN + (1 - 2 * MARGIN - UNDER) * y;
  const draw = (): void => {
    buttons.forEach((button, node) => {
      button.style.left = `${100 * across(now[node][0])}%`;
      button.style.top = `${100 * down(now[node][1])}%`;
    });
    const all = [...edges.map((edge) => ({ edge, kind: "edge" })), ...trail.map((edge) => ({ edge, kind: "trail" }))];
    while (lines.childElementCount > all.length) lines.lastElementChild!.remove();
    while (lines.childElementCount < all.length) lines.append(document.createElementNS(SVG, "line"));
    all.forEach(({ edge: [a, b], kind }, i) => {
      const line = lines.children[i] as SVGLineElement;
      line.setAttribute("class", kind);
      const ends = { x1: across(now[a][0]), y1: down(now[a][1]), x2: across(now[b][0]), y2: down(now[b][1]) };
      for (const [key, value] of Object.entries(ends)) line.setAttribute(key, value.toFixed(4));
      line.style.opacity = kind === "trail" ? String((i - edges.length + 1) / trail.length) : "1";
    });
  };
  const glide = (): void => {
    const far = Math.max(...now.flatMap((point, i) => point.map((value, k) => Math.abs(value - wanted[i][k]))));
    const part = far < 0.002 ? 1 : PACE;
    now = now.map((point, i) => point.map((value, k) => value + part * (wanted[i][k] - value)) as Point);
    draw();
    frame = part < 1 ? requestAnimationFrame(glide) : 0;
  };

  return {
    element,
    show(spots, points, joined, walked = []) {
      if (spots.length !== buttons.length) build(spots.length);
      const held = inner.contains(document.activeElement);
      spots.forEach(({ word, colour, marks = [], words, live, chance = 0 }, node) => {
        const button = buttons[node];
        const [halo, dot, text] = button.children as unknown as HTMLElement[];
        button.className = ["spot", ...marks].join(" ");
        button.setAttribute("aria-label", [word, words].filter(Boolean).join(", "));
        (button as HTMLButtonElement).disabled = !live;
        halo.style.scale = String(Math.sqrt(chance));
        dot.style.background = colour;
        text.textContent = word;
      });
      // A hand on the keyboard goes on from where it stepped.
      if (held && !inner.contains(document.activeElement?.closest(":enabled") ?? null)) {
        inner.querySelector<HTMLElement>(".spot:enabled")?.focus();
      }
      const first = now.length !== points.length;
      [wanted, edges, trail] = [points, joined, walked];
      if (first || still.matches) now = points.map((point) => [...point]);
      draw();
      if (!frame) frame = requestAnimationFrame(glide);
    },
    describe: (text) => inner.setAttribute("aria-label", `${name}. ${text}`),
    light: (lit) => buttons.forEach((button, node) => button.classList.toggle("lit", node === lit)),
    close: () => cancelAnimationFrame(frame),
  };
}
