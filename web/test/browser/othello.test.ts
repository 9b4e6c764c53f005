import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { built, found, launch, open, serve, slide } from "./harness";

const path = found();

/** The squares of a board in which something holds. */
const squares = (page: Page, board: number, marks: string): Promise<number[]> =>
  page.evaluate(
    ([board, marks]) => {
      const all = [...document.querySelectorAll(".board")[Number(board)].children];
      return all.flatMap((one, i) => (one.matches(String(marks)) ? [i] : []));
    },
    [board, marks] as const,
  );
const said = (page: Page): Promise<string> => page.locator(".caption").innerText();
const legalTold = (text: string): number[] => [...text.matchAll(/(\d+)/g)].map((found) => Number(found[1]));

describe.skipIf(!path)("inside a network that plays Othello", () => {
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

  test("it reads the board, and flipping a disc in its mind changes what it expects", async () => {
    const { page, wrong } = await open(browser, `${site.url}#/othello`);
    await page.waitForSelector(".board");
    const [likeliest, legal, right, all] = legalTold(await said(page));
    expect(all).toBe(36);
    expect(right).toBeGreaterThan(28);
    expect(legal).toBeGreaterThan(likeliest - 2);
    const before = await squares(page, 2, ".legal");
    const expected = await page.locator(".board").nth(2).innerHTML();
    const discs = await squares(page, 1, ":not(:disabled)");
    let changed = 0;
    for (const square of discs) {
      await page.locator(".board").nth(1).locator("button").nth(square).click();
      expect(await squares(page, 1, ".edited")).toEqual([square]);
      const now = await squares(page, 2, ".legal");
      changed += Number(String(now) !== String(before));
      expect(await page.locator(".board").nth(2).innerHTML()).not.toBe(expected);
    }
    expect(changed).toBeGreaterThan(3);
    await page.waitForURL(`**flip=${discs.at(-1)! + 1}`);
    const along = await page.locator(".board").nth(2).innerHTML();
    await page.getByText("in a random direction").click();
    expect(await page.locator(".board").nth(2).innerHTML()).not.toBe(along);
    expect(await said(page)).toContain("random direction");
    await slide(page, "Strength of the flip", 0);
    await page.locator(".board").nth(1).locator("button.edited").click();
    expect(await page.locator(".board").nth(2).innerHTML()).toBe(expected);
    expect(wrong).toEqual([]);
    await page.close();
  });

  test("moves can be played, by keyboard too, and other layers, games and places looked at", async () => {
    const { page, wrong } = await open(browser, `${site.url}#/othello?ply=5`, 390, 844);
    await page.waitForSelector(".board");
    const open_ = await squares(page, 0, ".legal");
    const square = page.locator(".board").nth(0).locator("button").nth(open_[0]);
    await square.focus();
    await page.keyboard.press("Enter");
    expect(await squares(page, 0, ".last")).toEqual([open_[0]]);
    await page.waitForURL("**ply=6");
    const minds = new Set<string>();
    for (const layer of [1, 2, 3, 4]) {
      await slide(page, "Layer read", layer);
      minds.add(await page.locator(".board").nth(1).innerHTML());
    }
    expect(minds.size).toBe(4);
    await slide(page, "Game", 8);
    await slide(page, "Moves played", 31);
    expect(await said(page)).toMatch(/legal|over/);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(wrong).toEqual([]);
    await page.close();
  });

  test("without its network it says so", async () => {
    const page = await browser.newPage();
    await page.route("**/othello.safetensors", (route) => route.fulfill({ status: 200, body: "no such thing" }));
    await page.goto(`${site.url}#/othello?flip=99`);
    await page.waitForSelector(".notice >> nth=1");
    const notices = await page.locator(".notice").allInnerTexts();
    expect(notices.join(" ")).toContain("cannot be had");
    expect(notices.join(" ")).toContain("Square flipped");
    await page.close();
  });
});
