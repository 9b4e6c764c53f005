/** The colours of the library's figures: Okabe and Ito 2008, cividis, and purple to orange. */

export const BLUE = "#0072B2";
export const ORANGE = "#E69F00";
export const GREEN = "#009E73";
export const VERMILLION = "#D55E00";
export const PURPLE = "#CC79A7";
export const SKY = "#56B4E9";
export const PALETTE = [BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY];
export const INK = "#222222";
export const MUTED = "#6f6f6f";
export const FAINT = "#e3e1dc";

type Rgb = [number, number, number];

const CIVIDIS: Rgb[] = [
  [0, 34, 78], [42, 63, 109], [87, 93, 109], [125, 124, 120], [166, 157, 117], [211, 193, 100], [254, 232, 56],
];
const PUOR: Rgb[] = [
  [94, 60, 153], [178, 171, 210], [247, 247, 247], [253, 184, 99], [179, 88, 6],
];

/** A colour of cividis, dark at 0 and light at 1. */
export function sequential(share: number): string {
  return between(CIVIDIS, share);
}

/** Purple at -1, white at 0, orange at 1. */
export function diverging(value: number): string {
  return between(PUOR, (value + 1) / 2);
}

/** Colour of feature i of n: the most important is the darkest; none so light as to be lost. */
export function feature(i: number, n: number): string {
  return sequential(n > 1 ? (0.88 * i) / (n - 1) : 0);
}

function between(ramp: Rgb[], share: number): string {
  const place = Math.min(1, Math.max(0, share || 0)) * (ramp.length - 1);
  const low = Math.min(Math.floor(place), ramp.length - 2);
  const part = place - low;
  const mix = ramp[low].map((c, k) => Math.round(c + part * (ramp[low + 1][k] - c)));
  return `rgb(${mix.join(",")})`;
}
