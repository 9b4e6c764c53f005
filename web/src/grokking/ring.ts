/** Where the numbers are: on the circle of the strongest frequency; and how strong each frequency is. */

import { BLUE, FAINT, feature, INK, MUTED } from "../draw/colours";
import { panel } from "../draw/panel";
import { write } from "../draw/surface";
import { around, circle } from "./fourier";
import type { Shown } from "./page";

/** The strongest frequency, from 1. */
function strongest(spectrum: Float32Array): number {
  return spectrum.indexOf(Math.max(...spectrum)) + 1;
}

/** The circle. */
export function ring() {
  let now: Shown | null = null;
  const seen = panel(
    "The numbers, seen along one frequency",
    "Embeddings in the plane of the strongest frequency",
    (context, width) => {
      if (!now) return;
      const { p, embed } = now;
      const k = strongest(now.spectrum);
      const points = circle(embed, p, k);
      const reach = Math.max(...points.map(Math.abs), 1e-6);
      const unit = (width / 2 - 16) / (1.08 * reach);
      const at = (a: number): [number, number] => [width / 2 + unit * points[2 * a], width / 2 - unit * points[2 * a + 1]];
      const order = around(p, k);
      context.strokeStyle = FAINT;
      context.lineWidth = 1;
      context.beginPath();
      order.forEach((a, i) => (i ? context.lineTo(...at(a)) : context.moveTo(...at(a))));
      context.closePath();
      context.stroke();
      const size = Math.max(7.5, Math.min(10.5, (width * 1.15) / p));
      order.forEach((a, i) => {
        const [x, y] = at(a);
        context.fillStyle = feature(i, p);
        context.beginPath();
        context.arc(x, y, size * 0.82, 0, 2 * Math.PI);
        context.fill();
        write(context, String(a), x, y + 0.5, { size, align: "center", colour: i > 0.6 * p ? INK : "#fff" });
      });
    },
    (width) => width + 22,
  );
  return {
    element: seen.figure,
    show(shown: Shown) {
      now = shown;
      seen.refresh();
    },
    close: seen.close,
  };
}

/** The spectrum; a click on a bar takes its frequency out of the network, or puts it back. */
export function bars(take: (k: number) => void) {
  let now: Shown | null = null;
  const seen = panel(
    "How strong each frequency is; click to take it out",
    "Fourier spectrum of the embedding",
    (context, width) => {
      if (!now) return;
      const { spectrum } = now;
      const most = Math.max(...spectrum, 1e-6);
      const bottom = width - 14;
      const wide = width / spectrum.length;
      const best = strongest(spectrum);
      spectrum.forEach((size, i) => {
        const colour = i + 1 === best ? BLUE : "#a9b7c4";
        context.fillStyle = context.strokeStyle = colour;
        const tall = (bottom - 8) * (size / most);
        const box = [i * wide + 0.5, bottom - tall, Math.max(1, wide - 1.5), tall] as const;
        if (i + 1 === now!.out) context.strokeRect(box[0] + 0.5, box[1], box[2] - 1, box[3]);
        else context.fillRect(...box);
      });
      const every = Math.ceil(spectrum.length / 8);
      spectrum.forEach((_, i) => {
        if (i % every === 0) write(context, String(i + 1), (i + 0.5) * wide, bottom + 9, { align: "center", colour: MUTED, size: 11 });
      });
      write(context, "frequency", width / 2, bottom + 26, { align: "center", colour: INK });
    },
    (width) => width + 22,
  );
  seen.canvas.classList.add("press");
  seen.canvas.addEventListener("click", (event) => {
    if (now) take(Math.floor((event.offsetX / seen.canvas.clientWidth) * now.spectrum.length) + 1);
  });
  return {
    element: seen.figure,
    show(shown: Shown) {
      now = shown;
      seen.refresh();
    },
    close: seen.close,
  };
}
