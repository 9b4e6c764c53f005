/** A board of buttons: every square can be reached and read by keyboard and ear. */

import { h } from "../shell/dom";
import { BLACK, EMPTY, nameOf } from "./rules";

/** How a square looks. */
export interface Square {
  disc?: number;
  /** How surely, from 0 to 1. */
  strength?: number;
  /** Area of a dot, as a share of the largest. */
  dot?: number;
  /** Classes: `wrong`, `legal`, `illegal`, `edited`, `last`. */
  marks?: string[];
  /** What it says besides its name and disc. */
  words?: string;
  /** Whether a press does something. */
  live?: boolean;
}

export interface Board {
  element: HTMLElement;
  show(squares: Square[]): void;
}

/** Make a board; `press` hears the square. */
export function board(name: string, size: number, press?: (square: number) => void): Board {
  const buttons = Array.from({ length: size * size }, (_, square) =>
    h("button", { type: "button", onclick: () => press?.(square) }, h("i", {})),
  );
  const grid = h("div", { class: "board", role: "group", "aria-label": name }, ...buttons);
  grid.style.setProperty("--size", String(size)); // a style in the page's text is not allowed
  return {
    element: h("figure", {}, h("figcaption", {}, name), grid),
    show: (squares) =>
      squares.forEach(({ disc = EMPTY, strength = 1, dot, marks = [], words, live }, square) => {
        const button = buttons[square];
        const inner = button.firstElementChild as HTMLElement;
        const colour = disc === EMPTY ? "" : disc === BLACK ? "black" : "white";
        button.className = marks.join(" ");
        button.disabled = !live;
        button.setAttribute("aria-label", [nameOf(square, size), colour, words].filter(Boolean).join(", "));
        inner.className = dot === undefined ? colour : "dot";
        inner.style.opacity = dot === undefined ? String(strength) : "1";
        inner.style.scale = dot === undefined ? "1" : String(Math.sqrt(Math.min(1, dot)));
      }),
  };
}
