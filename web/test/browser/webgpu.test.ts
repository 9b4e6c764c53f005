import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { built, found, launch, open, reach, serve, step } from "./harness";

const path = found();
const WORLDS = {
  superposition: { query: "density=0.2&members=4", updates: 40 },
  grokking: { query: "p=23&members=1", updates: 10 },
  attention: { query: "members=1", updates: 5 },
};

/** Train so many updates by hand, and return every number that the caption names. */
async function after(page: Page, updates: number): Promise<number[]> {
  await page.getByRole("button", { name: "Pause" }).click();
  await page.keyboard.press("r");
  await page.waitForFunction(() => /step 0\b/.test(document.querySelector(".count")?.textContent ?? ""));
  for (let done = 1; done <= updates; done += 1) {
    await page.keyboard.press("s");
    await reach(page, done);
  }
  expect(await step(page)).toBe(updates);
  const text = (await page.locator(".caption").first().textContent()) ?? "";
  return [...text.matchAll(/\d+(\.\d+)?/g)].map((found) => Number(found[0]));
}

describe.skipIf(!path)("WebGPU, by the processor where there is no graphics card", () => {
  let browser: Browser;
  let site: { url: string; close(): void };

  beforeAll(async () => {
    site = await serve(await built());
    browser = await launch(path!, true);
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  test.each(Object.entries(WORLDS))("%s trains as it does in WebAssembly", async (name, { query, updates }) => {
    const address = `${site.url}#/${name}?${query}`;
    const there = await open(browser, `${address}&engine=webgpu`);
    const adapter = await there.page.evaluate(async () => !!(await navigator.gpu?.requestAdapter()));
    if (!adapter) return void console.warn("No WebGPU adapter: training on it is not looked at.");
    await reach(there.page, 1);
    await there.page.locator(".engine", { hasText: "(WebGPU)" }).waitFor();
    const here = await open(browser, address);
    await reach(here.page, 1);
    await here.page.locator(".engine", { hasText: "(WebAssembly)" }).waitFor();
    const [found, wanted] = [await after(there.page, updates), await after(here.page, updates)];
    expect(found.length).toBeGreaterThan(0);
    found.forEach((value, place) => expect(Math.abs(value - wanted[place])).toBeLessThanOrEqual(0.011 * Math.max(1, value)));
    expect([...there.wrong, ...here.wrong]).toEqual([]);
    await Promise.all([there.page.close(), here.page.close()]);
  });
});
