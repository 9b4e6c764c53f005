/** One network's parameters at a kept step; the slider scrubs through training. */

import { slider } from "../controls/slider";
import { diverging } from "../draw/colours";
import { panel, type Panel } from "../draw/panel";
import { h } from "../shell/dom";
import { number } from "../shell/state";
import { digits, type Leaf } from "./api";
import { populations, type Bench, type View } from "./page";

const TALL = 520; // most of a picture's height

/** Make the view. */
export function snapshots(bench: Bench): View {
  let serial = 0;
  let built = "";
  let panels: Panel[] = [];
  let leaves: Leaf[] = [];
  const controls = h("div", { class: "scrub" });
  const holder = h("div", { class: "leaves" });
  const note = h("p", { class: "caption" });

  /** The kept one that is nearest to the one in the address. */
  function place(kept: number[], wanted: number | string): number {
    const far = kept.map((one) => Math.abs(one - Number(wanted)));
    return far.indexOf(Math.min(...far));
  }

  function build(): void {
    const { about, values, put } = bench;
    const population = about.populations[String(values.population)];
    const { steps, members } = population;
    const kept = population.kept ?? Array.from({ length: members }, (_, member) => member);
    values.member = kept[place(kept, values.member)];
    const parts: (HTMLElement | null)[] = [populations(bench)];
    if (steps.length > 1) {
      const field = number(`One of ${steps.length} snapshots`, 0, steps.length - 1, 0);
      const text = (i: number): string => `step ${steps[i].toLocaleString("en")}`;
      parts.push(slider(field, place(steps, values.step), (i) => put("step", steps[i]), "", text).element);
    }
    if (kept.length > 1) {
      const field = number(kept.length < members ? `Member, of ${kept.length} that are kept` : "Member", 0, kept.length - 1, 0);
      const text = (i: number): string => String(kept[i]);
      parts.push(slider(field, place(kept, values.member), (i) => put("member", kept[i]), "", text).element);
    }
    controls.replaceChildren(...parts.filter((part) => part !== null));
  }

  function draw(found: Leaf[]): void {
    leaves = found;
    const names = found.map((leaf) => `${leaf.name} ${leaf.shape.join("×")}`).join();
    if (names !== holder.dataset.names) {
      for (const each of panels) each.close();
      panels = found.map((leaf, i) => {
        const shape = leaf.shape.join(" × ") || "one number";
        const ratio = (width: number): number => {
          const cell = width / Math.max(leaf.columns, 4);
          return Math.min(TALL, Math.max(12, cell * leaf.rows));
        };
        return panel(`${leaf.name} (${shape})`, leaf.name, (context, width, height) => matrix(context, leaves[i], width, height), ratio);
      });
      holder.replaceChildren(...panels.map((each) => each.figure));
      holder.dataset.names = names;
    }
    panels.forEach((each, i) => {
      const { norm, every } = leaves[i];
      const thin = every[0] * every[1] > 1 ? `, every ${every[0]}th row and ${every[1]}th column` : "";
      each.describe(`norm ${digits(norm)}${thin}`);
      each.refresh();
    });
  }

  return {
    element: h("div", {}, controls, note, holder),
    show() {
      const { about, values } = bench;
      const population = String(values.population);
      const { steps } = about.populations[population];
      if (built !== population) {
        build();
        built = population;
      }
      if (!steps.length) return void (note.textContent = "No parameters were kept of this population.");
      const step = steps[place(steps, values.step)];
      serial += 1;
      const mine = serial;
      bench.source.ask<{ leaves: Leaf[] }>("params", { population, step, member: values.member }).then(({ leaves }) => {
        if (mine !== serial) return;
        const total = Math.sqrt(leaves.reduce((sum, leaf) => sum + (leaf.norm ?? NaN) ** 2, 0));
        note.textContent = `Member ${values.member} at step ${step.toLocaleString("en")}: the norm of these parameters is ${digits(Number.isNaN(total) ? null : total)}.`;
        draw(leaves);
      }, bench.failed);
    },
    close: () => panels.forEach((each) => each.close()),
  };
}

/** A matrix as colours, white at 0, each from its own greatest size. */
function matrix(context: CanvasRenderingContext2D, leaf: Leaf, width: number, height: number): void {
  if (!leaf) return;
  const most = Math.max(...leaf.values.map((v) => Math.abs(v ?? 0))) || 1;
  const wide = Math.min(width / leaf.columns, width / 4);
  const tall = height / leaf.rows;
  leaf.values.forEach((value, i) => {
    context.fillStyle = value === null ? "#dddddd" : diverging(value / most);
    const [x, y] = [(i % leaf.columns) * wide, Math.floor(i / leaf.columns) * tall];
    context.fillRect(x, y, Math.ceil(wide), Math.ceil(tall));
  });
}
