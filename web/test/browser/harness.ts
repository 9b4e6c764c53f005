/** A real browser on the built page: what it shows, what it asks for, and what goes wrong in it. */

import { createServer, type Server } from "node:http";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { build } from "vite";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking " +
  "--disable-component-update --disable-sync";
const WEBGPU =
  "--enable-unsafe-webgpu --use-webgpu-adapter=swiftshader --enable-features=Vulkan,WebGPU " +
  "--use-vulkan=swiftshader --ignore-gpu-blocklist";
const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
};

/** Where a browser is, or null: then the tests skip, and say so. */
export function found(): string | null {
  const named = process.env.CHROMIUM;
  const places = (process.env.PATH ?? "").split(":");
  const paths = named ? [named] : NAMES.flatMap((name) => places.map((place) => join(place, name)));
  const path = paths.find((path) => existsSync(path)) ?? null;
  if (!path) console.warn("No Chromium: the pages are not looked at. CHROMIUM may name one.");
  return path;
}

/** Build the page into a fresh folder. */
export async function built(): Promise<string> {
  const outDir = mkdtempSync(join(tmpdir(), "toylab-web-"));
  await build({ logLevel: "error", build: { outDir, emptyOutDir: true } });
  return outDir;
}

const EXHIBITS = fileURLToPath(new URL("../../../toylab/web/exhibits", import.meta.url));

/** Serve a folder on loopback, the trained networks beside it. */
export async function serve(folder: string): Promise<{ url: string; close(): void }> {
  const server: Server = createServer((request, response) => {
    const name = new URL(request.url ?? "/", "http://localhost").pathname.slice(1) || "index.html";
    const path = [folder, EXHIBITS].map((place) => join(place, name)).find(existsSync) ?? "";
    if (name.includes("/") || !path) return void response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": TYPES[extname(name)] ?? "application/octet-stream" });
    response.end(readFileSync(path));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}

/** Start the browser, with WebGPU on the processor where there is no graphics card if so asked. */
export async function launch(path: string, webgpu = false): Promise<Browser> {
  const without = FLAGS.split(" ");
  const software = [...without.filter((flag) => flag !== "--disable-gpu"), ...WEBGPU.split(" ")];
  return chromium.launch({ executablePath: path, args: webgpu ? software : without });
}

/** A page that is watched: its errors, and requests that leave the machine. */
export interface Watched {
  page: Page;
  wrong: string[];
}

/** Open an address in a window of some width. */
export async function open(browser: Browser, address: string, width = 1280, height = 900): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width, height } });
  const wrong: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) wrong.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrong.push(`exception: ${error.message}`));
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (!["data:", "blob:"].includes(protocol) && hostname !== "127.0.0.1") wrong.push(`left: ${request.url()}`);
  });
  page.on("requestfailed", (request) => wrong.push(`failed: ${request.url()}`));
  await page.goto(address);
  return { page, wrong };
}

/** The step that the page shows. */
export async function step(page: Page): Promise<number> {
  const text = (await page.locator(".count").textContent()) ?? "";
  return Number(/step ([\d,]+)/.exec(text)?.[1].replaceAll(",", "") ?? NaN);
}

/** Wait until training has come to a step. */
export async function reach(page: Page, wanted: number): Promise<void> {
  const done = (wanted: number): boolean => {
    const text = document.querySelector(".count")?.textContent ?? "";
    return Number((/step ([\d,]+)/.exec(text)?.[1] ?? "").replaceAll(",", "")) >= wanted;
  };
  await page.waitForFunction(done, wanted, { timeout: 40_000 });
}

/** Move a slider, as a hand would; on a log scale the place is a tick from 0 to 200. */
export async function slide(page: Page, name: string, place: number): Promise<void> {
  await page.getByLabel(name, { exact: true }).evaluate((input, place) => {
    (input as HTMLInputElement).value = String(place);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }, place);
}
