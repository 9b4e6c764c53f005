/** A message on the page that stays until it is read. */

import { h } from "./dom";

/** Show a message; a button takes it away. The same one is shown once. */
export function notice(where: HTMLElement, text: string): void {
  if ([...where.children].some((child) => child.firstChild?.textContent === text)) return;
  const gone = (): void => element.remove();
  const close = h("button", { type: "button", "aria-label": "Dismiss", onclick: gone }, "×");
  const element = h("div", { class: "notice", role: "alert" }, h("span", {}, text), close);
  where.append(element);
}
