/** The table of members, sorted by any of its numbers. */

import { h } from "../shell/dom";
import { digits, type Members } from "./api";
import { populations, type Bench, type View } from "./page";

const MOST = 500; // rows at a time

/** Make the view; the head of a column sorts by it, and a second time the other way. */
export function members(bench: Bench): View {
  let found: Members | null = null;
  let of = "";
  const controls = h("div", { class: "row" });
  const note = h("p", { class: "engine" });
  const table = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Members" });

  function draw(): void {
    if (!found) return;
    const wanted = Number(bench.values.sort);
    const column = Math.min(Math.abs(wanted), found.columns.length) || 1;
    const sign = wanted < 0 ? -1 : 1;
    const rows = [...found.rows].sort((a, b) => sign * compare(a[column - 1], b[column - 1]));
    const heads = found.columns.map((name, i) => {
      const now = i + 1 === column;
      const go = (): void => bench.put("sort", now ? -sign * column : i + 1);
      const arrow = now ? (sign > 0 ? " ↑" : " ↓") : "";
      const order = now ? (sign > 0 ? "ascending" : "descending") : null;
      return h("th", { "aria-sort": order, scope: "col" }, h("button", { type: "button", onclick: go }, `${name}${arrow}`));
    });
    const body = rows.slice(0, MOST).map((row) =>
      h("tr", { class: row[0] === bench.values.member ? "chosen" : "" }, ...row.map((value, i) => cell(row, value, i))),
    );
    note.textContent = rows.length > MOST ? `The first ${MOST} of ${rows.length} in this order.` : "";
    table.replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ...heads)), h("tbody", {}, ...body)));
  }

  /** The number of a member is a button that chooses it for the snapshots. */
  function cell(row: (number | string | null)[], value: number | string | null, i: number): HTMLElement {
    if (i > 0) return h("td", {}, digits(value, 4));
    const choose = (): void => bench.put("member", Number(row[0]));
    return h("td", {}, h("button", { type: "button", onclick: choose, title: "Choose for the snapshots" }, String(value)));
  }

  return {
    element: h("div", {}, controls, table, note),
    show() {
      const population = String(bench.values.population);
      controls.replaceChildren(...[populations(bench)].filter((part) => part !== null));
      if (of === population) return draw();
      bench.source.ask<Members>("members", { population }).then((members) => {
        [found, of] = [members, population];
        draw();
      }, bench.failed);
    },
    close: () => {},
  };
}

/** Numbers by size; what is missing comes last. */
function compare(a: number | string | null, b: number | string | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return a < b ? -1 : Number(a > b);
}
