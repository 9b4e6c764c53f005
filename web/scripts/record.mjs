/**
 * Write `built.json` beside the built files: a hash of the sources, by which a test without Node
 * sees that they are current, and one of each built file.
 */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const site = join(web, "../toylab/web/site");
const sources = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src"];

/** Files below a path, relative to web/. */
function files(path) {
  if (!statSync(join(web, path)).isDirectory()) return [path];
  return readdirSync(join(web, path)).flatMap((name) => files(`${path}/${name}`));
}

const all = createHash("sha256");
for (const path of sources.flatMap(files).sort()) {
  all.update(`${path}\0`).update(readFileSync(join(web, path))).update("\0");
}
const built = {};
for (const name of readdirSync(site).sort()) {
  if (name !== "built.json") built[name] = createHash("sha256").update(readFileSync(join(site, name))).digest("hex");
}
writeFileSync(join(site, "built.json"), `${JSON.stringify({ sources: all.digest("hex"), files: built }, null, 2)}\n`);
