/** Heads of a network as a grid of layers and heads, each on or off; and which problems it passes without them. */

import { h } from "../shell/dom";
import type { Head } from "./player";
import type { Problem } from "./rules";

export interface Heads {
  element: HTMLElement;
  show(off: Head[]): void;
}

/**
 * Make a grid.
 *
 * @param carried share of the verdict that each head carries, (layers, heads): the darker.
 * @param press hears the head; without it nothing can be pressed.
 */
export function heads(name: string, carried: number[][], press?: (head: Head) => void): Heads {
  const most = Math.max(...carried.flat());
  const buttons = carried.map((row, layer) =>
    row.map((share, head) => {
      const shade = h("i", {});
      shade.style.opacity = String(Math.max(0, share) / most);
      return h("button", { type: "button", disabled: !press, onclick: () => press?.([layer, head]) }, shade);
    }),
  );
  const lines = buttons.map((row, layer) => h("div", {}, h("span", {}, `layer ${layer + 1}`), ...row));
  return {
    element: h("div", { class: "heads", role: "group", "aria-label": name }, ...lines),
    show: (off) =>
      buttons.forEach((row, layer) =>
        row.forEach((button, head) => {
          const gone = off.some(([u, j]) => u === layer && j === head);
          const share = `carries ${Math.round(100 * Math.max(0, carried[layer][head]))}% of the verdict`;
          button.classList.toggle("off", gone);
          button.setAttribute("aria-pressed", String(gone));
          button.setAttribute("aria-label", `layer ${layer + 1}, head ${head + 1}: ${gone ? "off" : "on"}, ${share}`);
          button.title = button.getAttribute("aria-label")!;
        }),
      ),
  };
}

export interface Tally {
  element: HTMLElement;
  /** Show which problems are passed, null where it is not known yet, and which one is looked at. */
  show(passed: (boolean | null)[], now: number): void;
}

/** Make a strip of squares, a problem each; `press` hears which. */
export function tally(problems: Problem[], press: (index: number) => void): Tally {
  // The list of problems is the way by keyboard.
  const squares = problems.map((_, i) => h("button", { type: "button", tabindex: -1, onclick: () => press(i) }));
  const count = h("p", {});
  return {
    element: h("div", { class: "tally" }, count, h("div", {}, ...squares)),
    show(passed, now) {
      const known = passed.filter((one) => one !== null);
      const dots = known.length < passed.length ? "…" : "";
      count.replaceChildren(h("strong", {}, String(known.filter(Boolean).length)), ` of ${known.length}${dots} right attempts noticed`);
      squares.forEach((square, i) => {
        const told = passed[i] === null ? "not tried yet" : passed[i] ? "noticed" : "not noticed";
        square.className = [passed[i] === null ? "" : passed[i] ? "yes" : "no", i === now ? "now" : ""].join(" ");
        square.title = `${problems[i].target} from ${problems[i].numbers.join(", ")}: ${told}`;
        square.setAttribute("aria-label", square.title);
      });
    },
  };
}
