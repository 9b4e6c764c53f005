import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { built, found, launch, open, serve, slide } from "./harness";

const path = found();

/** Verdicts and answers of the three traces, when they are written and the problems counted. */
async function written(page: Page): Promise<string[][]> {
  await page.waitForFunction(() => /network|cannot be made/.test(document.querySelector(".caption")?.textContent ?? ""));
  return page.locator(".trace").evaluateAll((all) => all.map((one) => [...one.querySelectorAll("p")].map((p) => p.textContent!)));
}

/** How many right attempts each column notices. */
async function counted(page: Page): Promise<number[]> {
  await page.waitForFunction(() => [...document.querySelectorAll(".tally p")].every((p) => p.textContent!.includes("of 36 ")));
  return (await page.locator(".tally strong").allInnerTexts()).map(Number);
}

describe.skipIf(!path)("inside a network that plays CountDown", () => {
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

  test("it notices that it is right, and without its heads it does not; others do little", async () => {
    const { page, wrong } = await open(browser, `${site.url}#/countdown`);
    await page.waitForSelector(".trace");
    const [whole, without] = await written(page);
    expect(whole.join()).toContain("and notices.");
    expect(without.join()).toContain("does not notice!");
    const [noticed, cut, control] = await counted(page);
    expect(noticed).toBeGreaterThan(30);
    expect(cut).toBeLessThan(12);
    expect(control).toBeGreaterThan(cut);
    // A head is switched on again by its button, by keyboard too.
    const gone = page.locator(".columns section").nth(1).locator(".heads .off");
    expect(await gone.count()).toBe(3);
    await gone.first().focus();
    await page.keyboard.press("Enter");
    await page.waitForURL("**off=**");
    expect(await gone.count()).toBe(2);
    await counted(page);
    await page.locator(".columns section").nth(2).getByText("Draw others").click();
    await page.waitForURL("**others=1**");
    expect(await page.locator(".columns section").nth(2).locator(".heads .off").count()).toBe(2);
    while (await gone.count()) await gone.first().click();
    expect(await written(page)).toEqual([whole, whole, whole]);
    await page.getByText("everywhere", { exact: true }).click();
    await page.locator(".columns section").nth(1).locator(".heads button").first().click();
    await page.waitForURL("**at=everywhere**");
    expect(wrong).toEqual([]);
    await page.close();
  });

  test("problems are chosen or made, attempts given, tokens drawn, on a narrow page", async () => {
    const { page, wrong } = await open(browser, `${site.url}#/countdown`, 390, 844);
    await page.waitForSelector(".trace");
    await page.emulateMedia({ reducedMotion: "reduce" }); // written at once
    await page.getByText("Next problem").click();
    const second = await page.getByLabel("Problem").inputValue();
    await page.getByLabel("Problem").selectOption("20");
    expect(second).not.toBe("20");
    await page.locator(".tally").nth(1).locator("button").nth(30).click();
    await page.waitForURL("**begin=right**");
    expect(await page.getByLabel("Problem").inputValue()).toBe("30");
    const [given] = await written(page);
    expect(given[0]).toMatch(/^It made \d+/);
    expect(await page.locator(".trace").first().locator(".given").count()).toBe(11);
    await page.getByText("is its own").click();
    await page.getByText("drawn ones").click();
    const drawn = new Set<string>();
    for (const seed of [1, 2, 3, 4]) {
      await slide(page, "Seed of the draw", seed);
      drawn.add(await page.locator(".trace").first().innerText());
    }
    expect(drawn.size).toBeGreaterThan(1);
    await page.getByText("Write again").click();
    expect(drawn).toContain(await page.locator(".trace").first().innerText());
    for (const [name, value] of [["First number", "1"], ["Second number", "1"], ["Third number", "2"], ["Target", "30"]]) {
      await page.getByLabel(name).fill(value);
      await page.getByLabel(name).press("Enter");
    }
    expect(await page.locator(".caption").innerText()).toContain("30 cannot be made from these numbers.");
    expect(await page.getByLabel("Problem").inputValue()).toBe("-1");
    await page.getByLabel("Target").fill("99");
    await page.getByLabel("Target").press("Enter");
    expect(await page.locator(".caption").innerText()).toContain("a whole number from 5 to 30");
    expect(await page.getByLabel("Target").inputValue()).toBe("30");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(wrong).toEqual([]);
    await page.close();
  });

  test("a token takes far less than a frame of the eye", async () => {
    const { page } = await open(browser, `${site.url}#/countdown`);
    await page.emulateMedia({ reducedMotion: "reduce" });
    await counted(page);
    const took = await page.evaluate(() => {
      const again = [...document.querySelectorAll("button")].find((b) => b.textContent === "Write again")!;
      const start = performance.now();
      again.click();
      return (performance.now() - start) / document.querySelectorAll(".token").length;
    });
    console.log(`${took.toFixed(2)} ms a token`);
    expect(took).toBeLessThan(30);
    await page.close();
  });

  test("a wrong address is said, and a network that is not there", async () => {
    const page = await browser.newPage();
    await page.goto(`${site.url}#/countdown?target=99&colour=red`);
    await page.waitForSelector(".notice >> nth=1");
    const told = (await page.locator(".notice").allInnerTexts()).join(" ");
    expect(told).toContain("from 5 to 30");
    expect(told).toContain('no setting "colour"');
    await page.route("**/countdown.safetensors", (route) => route.fulfill({ status: 404 }));
    await page.goto(`${site.url}#/countdown?seed=1`);
    await page.getByText("The network cannot be had").waitFor();
    await page.close();
  });
});
