/** Play, step, start again, and how fast: the same on every page, with keys. */

import { h } from "../shell/dom";

export interface Wishes {
  play(on: boolean): void;
  step(): void;
  reset(): void;
  speed(stepsPerSecond: number): void;
}

export interface Transport {
  element: HTMLElement;
  /** Show what goes on: whether it plays, at which step, how many steps a second. */
  show(playing: boolean, step: number, rate: number): void;
  close(): void;
}

const SPEEDS: [string, number][] = [["1 step/s", 1], ["10 steps/s", 10], ["60 steps/s", 60], ["fastest", Infinity]];

/** Make the row of buttons. */
export function transport(wishes: Wishes, speed = 3): Transport {
  let playing = false;
  const toggle = (): void => wishes.play(!playing);
  const play = h("button", { type: "button", class: "play", onclick: toggle, title: "Key: space" }, "Train");
  const step = h("button", { type: "button", onclick: () => wishes.step(), title: "Key: s" }, "Step");
  const reset = h("button", { type: "button", onclick: () => wishes.reset(), title: "Key: r" }, "Start again");
  const fast = h("select", { "aria-label": "Speed" });
  SPEEDS.forEach(([text], i) => fast.append(h("option", { value: i, selected: i === speed }, text)));
  fast.addEventListener("change", () => wishes.speed(SPEEDS[Number(fast.value)][1]));
  const count = h("output", { class: "count" });
  const keys = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target as HTMLElement;
    if (/^(BUTTON|SELECT|A|SUMMARY)$/.test(at.tagName) && event.key === " ") return;
    const act = { " ": toggle, s: wishes.step, r: wishes.reset }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", keys);
  const buttons = h("div", { class: "buttons" }, play, step, reset, fast);
  return {
    element: h("section", { class: "transport", "aria-label": "Training" }, buttons, count),
    show(now, at, rate) {
      playing = now;
      play.textContent = now ? "Pause" : "Train";
      play.setAttribute("aria-pressed", String(now));
      const pace = now && rate > 0 ? ` · ${rate < 10 ? rate.toFixed(1) : Math.round(rate)} steps/s` : "";
      count.textContent = `step ${at.toLocaleString("en")}${pace}`;
    },
    close: () => document.removeEventListener("keydown", keys),
  };
}
