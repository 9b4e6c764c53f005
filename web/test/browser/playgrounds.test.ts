import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { built, found, launch, open, reach, serve, slide, type Watched } from "./harness";

const path = found();

describe.skipIf(!path)("the playgrounds of grokking and attention", () => {
  let browser: Browser;
  let site: { url: string; close(): void };
  let seen: Watched;

  beforeAll(async () => {
    site = await serve(await built());
    browser = await launch(path!);
    seen = await open(browser, `${site.url}#/grokking?p=23&fraction=0.85&members=1`);
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  test("memorises first", async () => {
    const { page } = seen;
    await page.locator(".caption", { hasText: /^(Memorised|Generalising|Understood): (9|100)/ }).waitFor();
    await page.getByLabel("Loss").check({ force: true });
    await page.waitForURL((url) => url.hash.includes("curve=loss"));
  });

  test("decay changes on the way, the part that is trained on begins anew", async () => {
    const { page } = seen;
    await reach(page, 40);
    await slide(page, "Weight decay", 2);
    await page.waitForURL((url) => url.hash.includes("decay=2"));
    await reach(page, 45);
    await page.getByRole("button", { name: "Pause" }).click();
    await slide(page, "Part of all pairs that is trained on", 0.5);
    await page.waitForURL((url) => url.hash.includes("fraction=0.5"));
    await page.locator(".caption", { hasText: /^Learning/ }).waitFor();
    await slide(page, "Networks", 3);
    await slide(page, "Network shown", 2);
    await page.getByLabel("31", { exact: true }).check({ force: true });
    await page.waitForURL((url) => url.hash.includes("members=3") && url.hash.includes("member=2"));
    await page.keyboard.press(" ");
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await slide(page, "Frequency taken out of the network", 3);
    await page.locator(".caption", { hasText: "Without frequency 3" }).waitFor();
    await page.getByLabel(/^Fourier spectrum/).click({ position: { x: 3, y: 60 } });
    await page.locator(".caption", { hasText: "Without frequency 1" }).waitFor();
    await page.waitForURL((url) => url.hash.includes("out=1"));
  });

  test("attention looks back from where the pointer is", async () => {
    const { page } = seen;
    await page.getByRole("link", { name: "Attention" }).click();
    await page.locator(".caption", { hasText: "repeated letters are foreseen" }).waitFor();
    const arcs = page.getByLabel(/^The sequence/);
    const box = (await arcs.boundingBox())!;
    await page.mouse.move(box.x + (box.width * 9.5) / 16, box.y + box.height / 2);
    await page.waitForURL((url) => url.hash.includes("query=10"));
    expect(await arcs.getAttribute("aria-label")).toMatch(/at 10: layer 1 head 1 attends most to/);
    await slide(page, "Position that looks back", 12);
    await page.waitForURL((url) => url.hash.includes("query=12"));
    await slide(page, "Period of the sequence shown", 4);
    await slide(page, "Head switched off", 3);
    await page.locator(".caption", { hasText: "With layer 2, head 1 switched off" }).waitFor();
    await page.getByLabel(/^Attention patterns/).click({ position: { x: 40, y: 40 } });
    await page.locator(".caption", { hasText: "With layer 1, head 1 switched off" }).waitFor();
    await slide(page, "Head switched off", 0);
    await page.getByLabel("one", { exact: true }).check({ force: true });
    await page.getByLabel("4", { exact: true }).check({ force: true });
    await page.waitForURL((url) => url.hash.includes("depth=1") && url.hash.includes("heads=4"));
    await page.getByLabel(/^Attention patterns.*head 4/).waitFor();
    await reach(page, 3);
  });

  test.each(["grokking", "attention"])("%s fits on a phone", async (name) => {
    const phone = await open(browser, `${site.url}#/${name}`, 390, 844);
    await reach(phone.page, 2);
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(phone.wrong).toEqual([]);
    await phone.page.close();
  });

  test("nothing went wrong, and no request left the machine", () => {
    expect(seen.wrong).toEqual([]);
  });
});
