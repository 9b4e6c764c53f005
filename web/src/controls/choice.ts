/** One of a few: a row of radio buttons that looks like a switch. */

import { fresh, h } from "../shell/dom";
import type { ChoiceField } from "../shell/state";

export interface Choice {
  element: HTMLElement;
  set(value: string): void;
}

/** Make a choice; `on` hears the new one. `plain` hides the name, which is still read aloud. */
export function choice(
  field: ChoiceField,
  value: string,
  on: (value: string) => void,
  plain = false,
): Choice {
  const name = fresh("choice");
  const inputs: Record<string, HTMLInputElement> = {};
  const options = Object.entries(field.of).map(([key, text]) => {
    const id = `${name}-${key}`;
    inputs[key] = h("input", { type: "radio", id, name, value: key, onchange: () => on(key) });
    return h("span", {}, inputs[key], h("label", { for: id }, text));
  });
  const set = (value: string): void => {
    inputs[value].checked = true;
  };
  set(value);
  const legend = h("legend", { class: plain ? "unseen" : "" }, field.label);
  return { element: h("fieldset", { class: "choice" }, legend, h("div", {}, ...options)), set };
}
