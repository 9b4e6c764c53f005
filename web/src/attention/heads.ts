/** The pattern of every head: queries down, keys across; what it scores as, in words beneath. */

import { surface, write } from "../draw/surface";
import { INK, MUTED } from "../draw/colours";
import { HEADS } from "./arcs";
import { headName, LENGTH, type Shown } from "./page";

const GAP = 18;
const WORDS = 46; // above and beneath a pattern

/** Make the picture; a click on a head switches it off, or on again. */
export function heads(toggle: (head: number) => void) {
  let now: Shown | null = null;
  const across = (width: number): number => (width < 480 ? 2 : 4);
  const rows = (width: number): number => Math.ceil((now ? now.heads * now.layers : 4) / across(width));
  const cell = (width: number): number => (width - GAP * (across(width) - 1)) / across(width);
  const seen = surface(
    "Attention patterns of all heads",
    (context, width) => {
      if (!now) return;
      const size = cell(width);
      for (let head = 0; head < now.heads * now.layers; head++) {
        const x = (head % across(width)) * (size + GAP);
        const y = Math.floor(head / across(width)) * (size + WORDS);
        one(context, now, head, x, y, size);
      }
    },
    (width) => rows(width) * (cell(width) + WORDS),
  );
  seen.canvas.classList.add("press");
  seen.canvas.addEventListener("click", (event) => {
    const width = seen.canvas.clientWidth;
    const column = Math.floor(event.offsetX / (cell(width) + GAP));
    const row = Math.floor(event.offsetY / (cell(width) + WORDS));
    const head = row * across(width) + column;
    if (now && head < now.heads * now.layers) toggle(head + 1);
  });
  let [before, wide] = [0, 0];
  return {
    element: seen.element,
    show(shown: Shown) {
      now = shown;
      const count = shown.heads * shown.layers;
      if (before !== count || wide !== seen.canvas.clientWidth) seen.fit();
      else seen.refresh();
      [before, wide] = [count, seen.canvas.clientWidth];
      seen.describe(Array.from({ length: count }, (_, head) => `${headName(shown, head)}: ${told(shown, head)}`).join("; "));
    },
    close: seen.close,
  };
}

function one(
  context: CanvasRenderingContext2D,
  shown: Shown,
  head: number,
  x: number,
  y: number,
  size: number,
): void {
  const off = head + 1 === shown.off;
  const colour = off ? "#9a978f" : HEADS[head % shown.heads];
  const title = headName(shown, head);
  write(context, title.charAt(0).toUpperCase() + title.slice(1), x, y + 9, { colour, size: 13 });
  const step = size / LENGTH;
  const top = y + 20;
  context.fillStyle = "#f4f2ee";
  context.fillRect(x, top, size, size);
  context.fillStyle = colour;
  for (let query = 0; query < LENGTH; query++) {
    for (let key = 0; key <= query; key++) {
      context.globalAlpha = Math.min(1, shown.pattern[(head * LENGTH + query) * LENGTH + key]);
      context.fillRect(x + key * step, top + query * step, step - 0.5, step - 0.5);
    }
  }
  context.globalAlpha = 1;
  context.strokeStyle = INK;
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, top + (shown.setting.query - 1) * step - 0.5, size - 1, step);
  write(context, off ? "switched off" : told(shown, head), x, top + size + 13, { colour: MUTED, size: 12 });
}

/** What a head scores as, if as anything. */
function told({ scores }: Shown, head: number): string {
  const [induction, previous] = scores.subarray(2 * head, 2 * head + 2);
  const kinds: [number, string][] = [[induction, "induction"], [previous, "previous letter"]];
  const [score, kind] = kinds.reduce((a, b) => (b[0] > a[0] ? b : a));
  return score > 0.3 ? `${kind} ${score.toFixed(2)}` : "–";
}
