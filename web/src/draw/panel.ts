/** A small picture with its name above it. */

import { h } from "../shell/dom";
import { surface, type Draw, type Surface } from "./surface";

export interface Panel extends Surface {
  figure: HTMLElement;
}

/** Make a panel: what it is called, what it shows in words, and how it is drawn. */
export function panel(
  name: string,
  label: string,
  draw: Draw,
  ratio: number | ((width: number) => number) = 1,
): Panel {
  const seen = surface(label, draw, ratio);
  const figure = h("figure", {}, h("figcaption", {}, name), seen.element);
  return { ...seen, figure };
}
