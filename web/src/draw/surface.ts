/** A canvas that is sharp on every screen, follows the page's width, and says what it shows. */

import { h } from "../shell/dom";

export type Draw = (context: CanvasRenderingContext2D, width: number, height: number) => void;

export interface Surface {
  element: HTMLElement;
  canvas: HTMLCanvasElement;
  /** Draw in the next frame of the screen. */
  refresh(): void;
  /** Measure anew, where the height has changed. */
  fit(): void;
  /** Say in words what is shown, for those who cannot see it. */
  describe(text: string): void;
  close(): void;
}

/**
 * Make a surface.
 *
 * @param label what it shows, in words.
 * @param draw draws it, in CSS pixels.
 * @param ratio height over width, or a function of the width.
 */
export function surface(label: string, draw: Draw, ratio: number | ((width: number) => number) = 1): Surface {
  const canvas = h("canvas", { role: "img", "aria-label": label });
  const element = h("div", { class: "surface" }, canvas);
  const context = canvas.getContext("2d")!;
  let [width, height, wanted] = [0, 0, 0];
  const paint = (): void => {
    wanted = 0;
    if (!width) return;
    const dense = window.devicePixelRatio || 1;
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context, width, height);
  };
  const refresh = (): void => {
    wanted ||= requestAnimationFrame(paint);
  };
  const fit = (): void => {
    width = element.clientWidth;
    height = Math.round(typeof ratio === "number" ? width * ratio : ratio(width));
    const dense = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * dense);
    canvas.height = Math.round(height * dense);
    canvas.style.height = `${height}px`;
    cancelAnimationFrame(wanted);
    paint();
  };
  const watch = new ResizeObserver(fit);
  watch.observe(element);
  return {
    element,
    canvas,
    refresh,
    fit,
    describe: (text) => canvas.setAttribute("aria-label", `${label}. ${text}`),
    close: () => {
      watch.disconnect();
      cancelAnimationFrame(wanted);
    },
  };
}

const FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif";

/** Write a text at a place. */
export function write(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  { size = 12, colour = "#222222", align = "left" as CanvasTextAlign, base = "middle" as CanvasTextBaseline } = {},
): void {
  context.font = `${size}px ${FONT}`;
  context.fillStyle = colour;
  context.textAlign = align;
  context.textBaseline = base;
  context.fillText(text, x, y);
}
