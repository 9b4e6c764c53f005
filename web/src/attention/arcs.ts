/** The sequence in a row; from one position, what each head attends to: layer 2 above, layer 1 below. */

import { BLUE, GREEN, INK, MUTED, PURPLE, VERMILLION } from "../draw/colours";
import { surface, write } from "../draw/surface";
import { LENGTH, letter, type Shown } from "./page";

export const HEADS = [BLUE, VERMILLION, GREEN, PURPLE];

/** Make the picture; a click or the pointer's way chooses the position that looks back. */
export function arcs(choose: (query: number) => void) {
  let now: Shown | null = null;
  const seen = surface(
    "The sequence, with arcs from one position to what its heads attend to",
    (context, width, height) => {
      if (!now) return;
      const { tokens, pattern, heads, layers, setting, nats } = now;
      const step = width / LENGTH;
      const [x, middle] = [(l: number): number => (l + 0.5) * step, layers > 1 ? height / 2 : height * 0.4];
      const query = setting.query - 1;
      const source = query - setting.period + 1; // what an induction head attends to
      const size = Math.min(22, step * 0.55);
      for (let l = 0; l < LENGTH; l++) {
        const beyond = l > query;
        if (l === query || (l === source && source >= 0)) {
          context.fillStyle = l === query ? INK : "#f3dfb4";
          round(context, x(l), middle, Math.min(15, step * 0.44));
        }
        const colour = l === query ? "#fff" : beyond ? "#bdbab3" : INK;
        write(context, letter(tokens[l]), x(l), middle, { size, align: "center", colour });
      }
      for (let layer = 0; layer < layers; layer++) {
        const side = layers > 1 && layer === layers - 1 ? -1 : 1;
        for (let head = 0; head < heads; head++) {
          if (layer * heads + head + 1 === now.off) continue;
          const at = ((layer * heads + head) * LENGTH + query) * LENGTH;
          context.strokeStyle = HEADS[head];
          for (let key = 0; key <= query; key++) {
            const weight = pattern[at + key];
            if (weight < 0.04) continue;
            context.globalAlpha = Math.min(1, 0.15 + weight);
            context.lineWidth = 1 + 6 * weight;
            arc(context, x(query), x(key), middle + side * 18, side, (height / 2 - 40) / (LENGTH * step), head);
          }
        }
        context.globalAlpha = 1;
        const name = layers > 1 ? `layer ${layer + 1}` : "the only layer";
        write(context, name, 2, side < 0 ? 10 : height - 10, { colour: MUTED });
      }
      const likely = Math.exp(-nats[query]);
      const next = `next: ${letter(tokens[query + 1] ?? tokens[query + 1 - setting.period])} with ${Math.round(100 * likely)}%`;
      write(context, next, width - 2, 10, { align: "right", colour: INK, size: 13 });
    },
    (width) => Math.max(190, Math.min(300, width * 0.46)),
  );
  const at = (event: PointerEvent): void => {
    const place = Math.floor((event.offsetX / seen.canvas.clientWidth) * LENGTH) + 1;
    if (place >= 2 && place <= LENGTH) choose(place);
  };
  seen.canvas.addEventListener("pointermove", (event) => event.pointerType === "mouse" && at(event));
  seen.canvas.addEventListener("pointerdown", at);
  return {
    element: seen.element,
    show(shown: Shown) {
      now = shown;
      seen.describe(words(shown));
      seen.refresh();
    },
    close: seen.close,
  };
}

/** An arc between two places of the row, on one side of it. */
function arc(
  context: CanvasRenderingContext2D,
  from: number,
  to: number,
  y: number,
  side: number,
  rise: number,
  head: number,
): void {
  const tall = 14 + Math.abs(from - to) * rise * 1.5 + 4 * head;
  context.beginPath();
  context.moveTo(from, y);
  if (from === to) context.ellipse(from, y + (side * 14) / 2, 6, 9, 0, 0, 2 * Math.PI);
  else context.bezierCurveTo(from, y + side * tall, to, y + side * tall, to, y);
  context.stroke();
}

function round(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** For those who cannot see it: the strongest attention of every head. */
function words({ tokens, pattern, heads, layers, setting }: Shown): string {
  const query = setting.query - 1;
  const told = [];
  for (let head = 0; head < heads * layers; head++) {
    const row = pattern.subarray((head * LENGTH + query) * LENGTH, (head * LENGTH + query) * LENGTH + query + 1);
    const key = row.indexOf(Math.max(...row));
    const name = `layer ${Math.floor(head / heads) + 1} head ${(head % heads) + 1}`;
    told.push(`${name} attends most to ${letter(tokens[key])} at ${key + 1}`);
  }
  return `${letter(tokens[query])} at ${query + 1}: ${told.join("; ")}.`;
}

