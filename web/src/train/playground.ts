/**
 * What every playground shares: settings in the address and on controls, a population in the
 * worker, the buttons of training, and what is said where something is missing.
 */

import { choice } from "../controls/choice";
import { slider } from "../controls/slider";
import { transport } from "../controls/transport";
import { calmly, h } from "../shell/dom";
import { notice } from "../shell/notice";
import { read, write, type Schema, type Values } from "../shell/state";
import type { Engine, Look, Settings } from "./protocol";
import { Session } from "./session";

const RESTART = 300; // ms between two new starts under a moving hand

/** What a page adds. */
export interface Spec<S extends Schema> {
  page: string;
  title: string;
  schema: S;
  /** Settings that change without a new start. */
  live: (keyof S)[];
  /** Settings that only change what is shown. */
  shown: (keyof S)[];
  /** The setting to play with first. */
  hero: keyof S;
  /** Settings under "more". */
  more: (keyof S)[];
  settings(values: Values<S>): Settings;
  build(bench: Bench<S>): Scene<S>;
}

/** What a page is given. */
export interface Bench<S extends Schema> {
  values: Values<S>;
  /** The control of the setting to play with first, for the stage. */
  hero: HTMLElement;
  /** Change a setting, as a control would. */
  put<K extends keyof S>(name: K, value: Values<S>[K]): void;
  /** Start afresh, with what is not a setting of the page besides. */
  again(extra: Settings): void;
  /** Show a setting that was changed by the way on its control. */
  refresh(name: keyof S): void;
  /** The control of a setting, to place by hand. */
  control(name: keyof S): HTMLElement;
  /** Enable or grey out a control. */
  enable(name: keyof S, on: boolean): void;
}

/** What a page gives back. */
export interface Scene<S extends Schema> {
  stage: HTMLElement[];
  side: HTMLElement[];
  frame(look: Look, step: number): void;
  changed(values: Values<S>, restarted: boolean): void;
  /** What to do here, in a sentence or two. */
  lead(): string;
  /** One sentence on what is seen now. */
  caption(): string;
  close(): void;
}

interface Control {
  element: HTMLElement;
  set(value: never): void;
  enable?(on: boolean): void;
}

/** Put a playground into a page; returns what closes it. */
export function playground<S extends Schema>(root: HTMLElement, query: URLSearchParams, spec: Spec<S>): () => void {
  const engine: Engine = query.get("engine") === "webgpu" ? "webgpu" : "wasm";
  query.delete("engine");
  const { values, problems } = read(query, spec.schema);
  const said = h("div", { class: "notices" });
  for (const problem of problems) notice(said, `${problem} The default is used.`);
  let [step, rate, playing, session] = [0, 0, false, null as Session | null];
  const lead = h("p", { class: "lead" });
  const caption = h("p", { class: "caption" });
  const aloud = h("p", { class: "unseen", role: "status", "aria-live": "polite" });
  const speak = calmly(3000, (text: string) => (aloud.textContent = text));
  const under = h("p", { class: "engine" }, "Starting…");

  const address = calmly(200, () => {
    const query = write(spec.page, values, spec.schema);
    const tail = engine === "webgpu" ? `${query.includes("?") ? "&" : "?"}engine=webgpu` : "";
    history.replaceState(null, "", query + tail);
  });
  const show = (): void => buttons.show(playing, step, rate);
  const start = (extra: Settings = {}): void => {
    [step, rate] = [0, 0];
    session!.make({ ...spec.settings(values), ...extra });
    show();
  };
  // Under a moving hand there is time to see what comes of each setting.
  const restarted = calmly(RESTART, () => start());
  const play = (on: boolean): void => {
    playing = on;
    session!.play(on);
    show();
  };
  const buttons = transport({
    play,
    step: () => {
      if (playing) play(false);
      session!.step();
    },
    reset: () => {
      start();
      scene.changed(values, true);
    },
    speed: (stepsPerSecond) => session!.speed(stepsPerSecond),
  });

  const controls = {} as Record<keyof S, Control>;
  const put = <K extends keyof S>(name: K, value: Values<S>[K]): void => {
    if (values[name] === value) return;
    values[name] = value;
    controls[name].set(value as never);
    address();
    const restart = !spec.live.includes(name) && !spec.shown.includes(name);
    if (restart) restarted();
    else if (!spec.shown.includes(name)) {
      // Alone: others may already be those of a population that is still to start.
      session!.set({ [name as string]: spec.settings(values)[name as string] });
    }
    scene.changed(values, restart);
    lead.textContent = scene.lead();
  };
  for (const name of Object.keys(spec.schema) as (keyof S & string)[]) {
    const field = spec.schema[name];
    const on = (value: number | string): void => put(name, value as Values<S>[typeof name]);
    controls[name] =
      field.kind === "number"
        ? slider(field, values[name] as number, on)
        : choice(field, values[name] as string, on);
  }
  const hero = h("div", { class: "hero" }, controls[spec.hero].element, caption);
  const scene = spec.build({
    values,
    hero,
    put,
    again: start,
    refresh: (name) => {
      controls[name].set(values[name] as never);
    },
    control: (name) => controls[name].element,
    enable: (name, on) => controls[name].enable?.(on),
  });

  const more = spec.more.map((name) => controls[name].element);
  root.append(
    said,
    h("header", { class: "opening" }, h("h1", {}, spec.title), lead),
    h(
      "div",
      { class: "bench" },
      h("section", { class: "stage", "aria-label": "Picture" }, ...scene.stage),
      buttons.element,
      h(
        "section",
        { class: "side", "aria-label": "Settings" },
        ...scene.side,
        more.length ? h("details", {}, h("summary", {}, "More settings"), ...more) : null,
        under,
      ),
    ),
    aloud,
  );

  session = new Session(
    spec.page,
    {
      made(now, webgpu) {
        under.replaceChildren(...engineText(now, engine, webgpu));
      },
      frame(at, pace, look) {
        [step, rate] = [at, pace];
        scene.frame(look, at);
        const text = scene.caption();
        caption.textContent = text;
        speak(text);
        show();
      },
      failed(message) {
        play(false);
        notice(said, `Training stopped: ${message} "Start again" tries once more.`);
      },
    },
    engine,
  );
  start();
  scene.changed(values, true);
  lead.textContent = scene.lead();
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play(true);
  const hidden = (): void => {
    if (playing) session!.play(!document.hidden);
  };
  document.addEventListener("visibilitychange", hidden);
  return () => {
    document.removeEventListener("visibilitychange", hidden);
    buttons.close();
    session!.close();
    scene.close();
  };
}


/** Where it trains, and how to try the other way. */
function engineText(now: Engine, wanted: Engine, webgpu: boolean): (Node | string)[] {
  if (now === "webgpu") return ["Trains on this machine's graphics card (WebGPU). Nothing leaves it."];
  const why = wanted === "webgpu" ? "There is no WebGPU here, so this" : "This";
  const text = `${why} page trains on this machine's processor (WebAssembly). Nothing leaves it. `;
  if (wanted === "webgpu" || !webgpu) return [text];
  const here = location.hash || "#/superposition";
  const href = `${here}${here.includes("?") ? "&" : "?"}engine=webgpu`;
  return [text, h("a", { href }, "Try WebGPU")];
}
