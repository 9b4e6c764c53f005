/** A chart with two axes, linear or logarithmic: lines, points, guides. */

import { FAINT, INK, MUTED } from "./colours";
import { write } from "./surface";

export interface Axis {
  low: number;
  high: number;
  log?: boolean;
  label: string;
  ticks?: number[];
  /** How a tick is written. */
  text?: (value: number) => string;
}

export interface Plot {
  x: (value: number) => number;
  y: (value: number) => number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Draw the axes and return where values are. */
export function axes(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  across: Axis,
  up: Axis,
): Plot {
  const [left, right, top, bottom] = [46, width - 20, up.label ? 26 : 12, height - 38];
  const x = place(across, left, right);
  const y = place(up, bottom, top);
  context.lineWidth = 1;
  for (const value of up.ticks ?? ticks(up)) {
    line(context, left, y(value), right, y(value), FAINT);
    write(context, (up.text ?? plain)(value), left - 7, y(value), { align: "right", colour: MUTED, size: 11 });
  }
  for (const value of across.ticks ?? ticks(across)) {
    line(context, x(value), bottom, x(value), bottom + 4, MUTED);
    write(context, (across.text ?? plain)(value), x(value), bottom + 14, { align: "center", colour: MUTED, size: 11 });
  }
  line(context, left, bottom, right, bottom, INK);
  write(context, across.label, (left + right) / 2, height - 8, { align: "center", colour: INK });
  write(context, up.label, left - 40, 11, { colour: INK });
  return { x, y, left, right, top, bottom };
}

/** Draw a line through points; NaN breaks it. */
export function path(
  context: CanvasRenderingContext2D,
  plot: Plot,
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  colour: string,
  thick = 1.6,
  dash: number[] = [],
): void {
  context.save();
  context.beginPath();
  context.rect(plot.left, plot.top - 4, plot.right - plot.left + 4, plot.bottom - plot.top + 5);
  context.clip();
  context.beginPath();
  let pen = false;
  for (let i = 0; i < xs.length; i++) {
    const [x, y] = [plot.x(xs[i]), plot.y(ys[i])];
    if (!Number.isFinite(x) || !Number.isFinite(y)) pen = false;
    else if (pen) context.lineTo(x, y);
    else {
      context.moveTo(x, y);
      pen = true;
    }
  }
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.lineWidth = thick;
  context.lineJoin = "round";
  context.stroke();
  context.restore();
}

/** Draw a dot. */
export function dot(context: CanvasRenderingContext2D, x: number, y: number, radius: number, colour: string): void {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** Draw a straight line. */
export function line(
  context: CanvasRenderingContext2D,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  colour: string,
  dash: number[] = [],
): void {
  context.setLineDash(dash);
  context.strokeStyle = colour;
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
  context.setLineDash([]);
}

function place({ low, high, log }: Axis, from: number, to: number): (value: number) => number {
  const f = log ? Math.log : (v: number) => v;
  const [a, b] = [f(low), f(high)];
  return (value) => from + ((f(value) - a) / (b - a || 1)) * (to - from);
}

/** Ticks at round numbers: powers of ten on a log scale, else steps of 1, 2 or 5. */
export function ticks({ low, high, log }: Axis): number[] {
  if (log) {
    const found = [];
    const every = Math.max(1, Math.ceil(Math.log10(high / low) / 6));
    for (let e = Math.ceil(Math.log10(low) - 1e-9); e <= Math.log10(high) + 1e-9; e += every) found.push(10 ** e);
    return found;
  }
  const rough = (high - low) / 4 || 1;
  const base = 10 ** Math.floor(Math.log10(rough));
  const step = base * ([1, 2, 5].find((k) => k * base >= rough) ?? 10);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step) found.push(Number(v.toPrecision(8)));
  return found;
}

/** A number as a tick has it: powers of ten where it is small, thousands where it is large. */
export function plain(value: number): string {
  const power = Math.log10(Math.abs(value));
  if (value && power < -2.5 && Math.abs(power - Math.round(power)) < 1e-6) return `10${superscript(Math.round(power))}`;
  if (value >= 10_000) return `${Number((value / 1000).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

function superscript(value: number): string {
  return String(value).replace(/[-\d]/g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]));
}
