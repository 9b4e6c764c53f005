import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { built, found, launch, open, reach, serve, slide, step, type Watched } from "./harness";

const path = found();

describe.skipIf(!path)("the playground of superposition", () => {
  let browser: Browser;
  let site: { url: string; close(): void };
  let seen: Watched;

  beforeAll(async () => {
    site = await serve(await built());
    browser = await launch(path!);
    seen = await open(browser, `${site.url}#/superposition`);
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  test("trains by itself, pauses, steps and starts again", async () => {
    const { page } = seen;
    await reach(page, 30);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.waitForTimeout(150);
    const at = await step(page);
    await page.waitForTimeout(200);
    expect(await step(page)).toBe(at);
    await page.getByRole("button", { name: "Step" }).click();
    await reach(page, at + 1);
    expect(await step(page)).toBe(at + 1);
    await page.getByRole("button", { name: "Start again" }).click();
    await page.waitForFunction(() => document.querySelector(".count")?.textContent === "step 0");
    await page.keyboard.press("s");
    await reach(page, 1);
    await page.keyboard.press("r");
    await page.waitForFunction(() => document.querySelector(".count")?.textContent === "step 0");
  });

  test("features appear when a hand lowers the density", async () => {
    const { page } = seen;
    await page.getByRole("button", { name: "Train" }).click();
    await reach(page, 600);
    const caption = page.locator(".caption");
    expect(await caption.textContent()).toMatch(/^2 of 5 features are kept in 2 dimensions/);
    await slide(page, "Density", 60);
    await page.waitForFunction(
      () => /^[45] of 5/.test(document.querySelector(".caption")!.textContent ?? ""),
      undefined,
      { timeout: 30_000 },
    );
    expect(page.url()).toContain("density=0.04");
  });

  test("every control does something, and the address says what", async () => {
    const { page } = seen;
    for (const [name, value, said] of [
      ["Features", 7, "features=7"],
      ["Dimensions", 3, "hidden=3"],
      ["Networks", 4, "members=4"],
      ["Network shown", 2, "member=2"],
    ] as const) {
      await slide(page, name, value);
      await page.waitForURL((url) => url.hash.includes(said));
    }
    await page.locator("summary").click();
    await page.getByLabel("linear").check({ force: true });
    await page.waitForURL((url) => url.hash.includes("activation=linear"));
    await reach(page, 20);
    const turned = page.locator("canvas.solid");
    await turned.focus();
    await page.keyboard.press("ArrowLeft");
    await page.getByLabel("Speed").selectOption("10 steps/s");
    await page.waitForTimeout(300);
    const at = await step(page);
    await page.waitForTimeout(1000);
    const gone = (await step(page)) - at;
    expect(gone).toBeGreaterThan(4);
    expect(gone).toBeLessThan(16);
    await page.getByLabel("Speed").selectOption("fastest");
  });

  test("a sweep and a phase diagram fill in", async () => {
    const { page } = seen;
    await page.getByLabel("Sweep").check({ force: true });
    await page.locator(".caption", { hasText: "of a dimension (D*)" }).waitFor();
    await page.locator(".view canvas").click({ position: { x: 300, y: 100 } });
    await page.getByLabel("Phase diagram").check({ force: true });
    await page.waitForFunction(
      () => /^Try [2-9]: (1[12]\d|1[34]\d) of 144/.test(document.querySelector(".caption")!.textContent ?? ""),
      undefined,
      { timeout: 40_000 },
    );
  });

  test("a wrong address is said, and defaults are used", async () => {
    const { page } = seen;
    await page.goto(`${site.url}#/superposition?density=7&colour=red&members=2.5`);
    const said = await page.getByRole("alert").allTextContents();
    expect(said[0]).toContain('Density cannot be "7"');
    expect(said[1]).toContain('no setting "colour"');
    expect(said[2]).toContain("a whole number from 1 to 64");
    await page.getByRole("button", { name: "Dismiss" }).first().click();
    expect(await page.getByRole("alert").count()).toBe(2);
    await page.goto(`${site.url}#/nowhere`);
    expect(await page.getByRole("alert").textContent()).toContain('no page named "nowhere"');
  });

  test("without WebGPU it says so and trains all the same", async () => {
    const { page } = seen;
    await page.goto(`${site.url}#/superposition?engine=webgpu`);
    await reach(page, 5);
    const text = await page.locator(".engine").textContent();
    expect(text).toMatch(/There is no WebGPU here|graphics card/);
  });

  test("stays smooth beside an empty page, and on a phone nothing sticks out", async () => {
    const frames = (page: Page) =>
      page.evaluate(async () => {
        const begin = performance.now();
        let count = 0;
        while (performance.now() - begin < 1000) {
          await new Promise(requestAnimationFrame);
          count += 1;
        }
        return count;
      });
    const empty = await browser.newPage();
    const most = await frames(empty);
    await empty.close();
    const phone = await open(browser, `${site.url}#/superposition`, 390, 844);
    await reach(phone.page, 20);
    const drawn = await frames(phone.page);
    const [paint, wide] = await phone.page.evaluate(() => [
      performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
      document.documentElement.scrollWidth,
    ]);
    console.log(`first paint ${Math.round(paint)} ms, ${drawn} frames/s with 16 networks, ${most} of an empty page`);
    expect(drawn).toBeGreaterThan(most / 4);
    expect(paint).toBeGreaterThan(0);
    expect(wide).toBeLessThanOrEqual(390);
    expect(phone.wrong).toEqual([]);
    await phone.page.close();
  });

  test("nothing went wrong, and no request left the machine", () => {
    const benign = /WebGPU|adapter|GPU/i; // Chromium without a graphics card says so on the console
    expect(seen.wrong.filter((text) => !benign.test(text))).toEqual([]);
  });
});
