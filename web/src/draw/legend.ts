/** What the colours of a chart mean, in a line above it. */

import { h } from "../shell/dom";

/** Make a legend from colours and what they stand for. */
export function legend(entries: [colour: string, text: string][]): HTMLElement {
  return h("ul", { class: "legend" }, ...entries.map(([colour, text]) => legendEntry(colour, text)));
}

/** One line of a legend. */
export function legendEntry(colour: string, text: string): HTMLElement {
  const mark = h("span", { class: "mark" });
  mark.style.background = colour;
  return h("li", {}, mark, text);
}
