/** A slider with its name and its number; on a log scale where the field says so. */

import { fresh, h } from "../shell/dom";
import { short, type NumberField } from "../shell/state";

export interface Slider {
  element: HTMLElement;
  set(value: number): void;
  enable(on: boolean): void;
}

const TICKS = 200; // places on a log scale

/** Make a slider; `on` hears every movement of the hand. */
export function slider(
  field: NumberField,
  value: number,
  on: (value: number) => void,
  about = "",
  text: (value: number) => string = short,
): Slider {
  const id = fresh("slider");
  const scale = field.log ? logScale(field) : { to: (v: number) => v, from: (v: number) => v };
  const input = h("input", {
    id,
    type: "range",
    min: field.log ? 0 : field.low,
    max: field.log ? TICKS : field.high,
    step: field.log ? 1 : field.step,
    title: about || null,
    oninput: () => {
      const value = scale.from(Number(input.value));
      show(value);
      on(value);
    },
  });
  const output = h("output", { for: id });
  const said = (value: number): string => (value === 0 && field.zero ? field.zero : text(value));
  const show = (value: number): void => {
    const place = (scale.to(value) - Number(input.min)) / (Number(input.max) - Number(input.min));
    input.style.setProperty("--place", String(place));
    output.textContent = said(value);
    input.setAttribute("aria-valuetext", said(value));
  };
  const set = (value: number): void => {
    input.value = String(scale.to(value));
    show(value);
  };
  set(value);
  const label = h("label", { for: id }, field.label);
  const element = h("div", { class: "slider" }, label, output, input);
  return {
    element,
    set,
    enable: (enabled) => {
      input.disabled = !enabled;
      element.classList.toggle("off", !enabled);
    },
  };
}

/** Ticks to values and back, evenly in the logarithm, rounded to two digits. */
function logScale({ low, high }: NumberField) {
  const span = Math.log(high / low);
  return {
    to: (value: number) => Math.round((Math.log(value / low) / span) * TICKS),
    from: (tick: number) => {
      const value = low * Math.exp((tick / TICKS) * span);
      return Math.min(high, Math.max(low, Number(value.toPrecision(2))));
    },
  };
}
