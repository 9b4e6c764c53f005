import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

import { built } from "./harness";

const bytes = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name)).toString("base64")]),
  );

const SHIPPED = fileURLToPath(new URL("../../../toylab/web/site", import.meta.url));

test("two builds give the same bytes, which are those shipped, and they are small", async () => {
  const [one, two] = [await built(), await built()];
  const found = bytes(one);
  expect(bytes(two)).toEqual(found);
  const { "built.json": _, ...shipped } = bytes(SHIPPED);
  for (const name of Object.keys(shipped)) {
    expect(found[name] === shipped[name], `${name} is not current: npm run build`).toBe(true);
  }
  expect(Object.keys(found)).toEqual(Object.keys(shipped));
  const packed = Object.values(found).map((text) => gzipSync(Buffer.from(text, "base64")).length);
  const total = packed.reduce((sum, size) => sum + size, 0);
  console.log(`${Math.round(total / 1000)} kB compressed`);
  expect(total).toBeLessThan(1_000_000);
  for (const folder of [one, two]) rmSync(folder, { recursive: true });
});
