import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { built, found, launch, open, serve, slide } from "./harness";

const path = found();

describe.skipIf(!path)("the shipped runs, on any web space", () => {
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

  test("are listed, and every view shows them", async () => {
    const { page, wrong } = await open(browser, `${site.url}#/run`, 390, 844);
    await page.getByRole("navigation", { name: "Runs" }).getByText("Grokking").press("Enter");
    await page.getByText("weight_decay 1: ").waitFor();
    expect(await page.locator(".legend li").allInnerTexts()).toEqual([
      expect.stringMatching(/^weight_decay 0: 0\.\d+ at the end, 8 members$/),
      expect.stringMatching(/^weight_decay 1: 1 at the end, 8 members$/),
    ]);
    await page.getByText("test_loss").click();
    await page.getByText("Members", { exact: true }).click();
    await page.getByRole("button", { name: "test_accuracy" }).click();
    expect(await page.locator("tbody tr").count()).toBe(16);
    await page.getByText("Snapshots").click();
    await page.getByText("Member 0 at step 6,000").waitFor();
    await slide(page, "One of 6 snapshots", 1);
    await slide(page, "Member, of 2 that are kept", 1);
    await page.getByText("Member 1 at step 154").waitFor();
    expect(await page.locator(".leaves canvas").count()).toBe(2);
    await page.getByText("Claims").click();
    expect(await page.locator(".claim").count()).toBeGreaterThan(5);
    await page.getByText("Figures").click();
    const widths = await page.locator(".figures img").evaluateAll((all) =>
      Promise.all((all as HTMLImageElement[]).map((image) => image.decode().then(() => image.naturalWidth))),
    );
    expect(widths).toEqual([720, 720]);
    await page.waitForURL("**of=grokking**view=figures**");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.getByRole("navigation", { name: "Runs" }).getByText("Superposition").click();
    await page.getByText("density 0.001: ").waitFor();
    expect(wrong).toEqual([]);
    await page.close();
  });

  test("a damaged one is said, and so is an address that is wrong", async () => {
    const page = await browser.newPage();
    const notices = async (count: number): Promise<string> => {
      await page.waitForSelector(`.notice >> nth=${count - 1}`);
      return (await page.locator(".notice").allInnerTexts()).join(" ");
    };
    await page.goto(`${site.url}#/run?of=mine&member=99`);
    expect(await notices(2)).toMatch(/Run cannot be "mine"[^]*from 0 to 55/);
    await page.route("**/run_grokking.safetensors", (route) => route.fulfill({ status: 200, body: "no such thing" }));
    await page.goto(`${site.url}#/run?of=grokking`);
    await page.getByText("The run cannot be read: It is no safetensors file.").waitFor();
    await page.close();
  });
});
