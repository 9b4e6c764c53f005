import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { built, found, launch, open, serve, slide } from "./harness";

const path = found();

const said = (page: Page): Promise<string> => page.locator(".caption").innerText();
/** Words read; energy in order and shuffled; chance on neighbours. */
async function told(page: Page): Promise<number[]> {
  await page.locator(".caption", { hasText: "random order" }).waitFor();
  return [...(await said(page)).matchAll(/\d+(\.\d+)?/g)].map(([number]) => Number(number));
}
const places = (page: Page): Promise<string> =>
  page.locator(".field").nth(1).evaluate((field) => [...field.querySelectorAll("line")].map((line) => line.outerHTML).join());

describe.skipIf(!path)("a network that reads walks on a graph", () => {
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

  test("what it makes of words comes to lie like the graph, unless they are shuffled", async () => {
    const { page, wrong } = await open(browser, `${site.url}#/graph_tracing?words=2`);
    await told(page);
    const start = await places(page);
    await slide(page, "Words read", 128);
    const [count, energy, shuffled, chance] = await told(page);
    expect([count, energy < 0.85, shuffled > 0.9, chance > 95]).toEqual([128, true, true, true]);
    await expect.poll(() => places(page)).not.toBe(start);
    await page.getByLabel("the words", { exact: true }).check({ force: true });
    expect((await told(page))[1]).toBeGreaterThan(0.9);
    await page.getByLabel("attention 2", { exact: true }).check({ force: true });
    for (const graph of ["grid with diagonals", "plain ring", "plain grid"]) {
      await page.getByLabel(graph, { exact: true }).check({ force: true });
      const [, energy, , chance] = await told(page);
      expect(chance).toBeGreaterThan(90);
      expect(energy < 0.85).toBe(!graph.startsWith("plain"));
      expect((await said(page)).includes("no neighbour in common")).toBe(graph.startsWith("plain"));
    }
    await page.getByLabel("first", { exact: true }).check({ force: true });
    await slide(page, "Walk", 7);
    await told(page);
    await page.waitForURL("**graph=grid&network=0&walk=7");
    expect(wrong).toEqual([]);
    await page.close();
  });

  test("it plays by itself, and a hand may walk, on a narrow window and by keyboard too", async () => {
    const { page, wrong } = await open(browser, `${site.url}#/graph_tracing`, 390, 844);
    await page.locator(".caption", { hasText: /After \d\d? words/ }).waitFor();
    await page.keyboard.press(" ");
    const [paused] = await told(page);
    expect(paused).toBeLessThan(128);
    await page.waitForTimeout(300);
    expect((await told(page))[0]).toBe(paused);
    const next = page.locator("button.spot:enabled").first();
    const word = await next.innerText();
    await next.focus();
    await page.keyboard.press("Enter");
    expect((await told(page))[0]).toBe(paused + 1);
    expect(await page.locator(".strip b").innerText()).toBe(word);
    expect(await page.evaluate(() => document.activeElement?.matches("button.spot:enabled"))).toBe(true);
    await page.waitForURL(`**words=${paused + 1}`);
    await page.keyboard.press("n");
    await page.waitForURL("**walk=1");
    await told(page);
    await page.getByRole("button", { name: "Play" }).click();
    await expect.poll(async () => (await told(page))[0]).toBeGreaterThan(paused + 1);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.locator(".spot").nth(3).hover();
    expect(await page.locator(".spot.lit").count()).toBe(2);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(wrong).toEqual([]);
    await page.close();
  });

  test("what is wrong is said: an address, and a network that is not there", async () => {
    const page = await browser.newPage();
    await page.route("**/graph_tracing.safetensors", (route) => route.fulfill({ status: 200, body: "no such thing" }));
    await page.goto(`${site.url}#/graph_tracing?words=900&graph=star`);
    await page.waitForSelector(".notice >> nth=2");
    const notices = (await page.locator(".notice").allInnerTexts()).join(" ");
    for (const part of ["cannot be had", "Words read cannot be", "Hidden graph cannot be"]) expect(notices).toContain(part);
    await page.close();
  });
});
