import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Random } from "../../src/numerics/random";
import { built, found, launch, open, serve } from "./harness";

const path = found();
const MOVES = 40;
const PAGES = ["superposition", "grokking", "attention", "othello", "graph_tracing", "countdown", "run"];

describe.skipIf(!path)("a hand that is everywhere", () => {
  let browser: Browser;
  let site: { url: string; close(): void };

  beforeAll(async () => {
    site = await serve(await built());
    browser = await launch(path!);
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  test.each([1, 2])("breaks nothing (seed %d)", async (seed) => {
    const random = new Random(seed, "hand");
    const { page, wrong } = await open(browser, site.url);
    const done: string[] = [];
    while (done.length < MOVES) {
      const draw = random.one();
      if (draw < 0.08) {
        const name = PAGES[random.below(PAGES.length)];
        await page.evaluate((name) => (location.hash = `#/${name}`), name);
        done.push(name);
      } else if (draw < 0.85) {
        const moved = await page.evaluate(([which, place]) => {
          const all = [...document.querySelectorAll<HTMLInputElement>("input")].filter((i) => !i.disabled);
          const input = all[Math.floor(which * all.length)];
          if (input?.type === "radio") input.click();
          else if (input) {
            const [low, high] = [Number(input.min), Math.min(Number(input.max), 60)];
            input.value = String(low + place * (high - low));
            input.dispatchEvent(new Event("input", { bubbles: true }));
          }
          return `${input?.labels?.[0]?.textContent} ${input?.value}`;
        }, [random.one(), random.one()]);
        done.push(moved);
      } else {
        const key = [" ", "s", "r"][random.below(3)];
        await page.keyboard.press(key);
        done.push(`key ${key}`);
      }
      const said = await page.locator(".notice").allTextContents();
      expect(said, `after ${done.slice(-12).join(", ")}`).toEqual([]);
    }
    expect(wrong).toEqual([]);
    await page.close();
  });
});
