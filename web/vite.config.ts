/** How the page is built, into the Python package, and how it is tested. */

import { defineConfig } from "vitest/config";

const names = { entryFileNames: "[name].js", chunkFileNames: "[name].js", assetFileNames: "[name][extname]" };

export default defineConfig({
  base: "./", // any folder of any web space
  publicDir: "../toylab/web/exhibits", // trained networks, beside the built files
  build: {
    outDir: "../toylab/web/site",
    emptyOutDir: true,
    copyPublicDir: false,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // Names without hashes: a rebuild changes what is in the files, not what they are called.
    rolldownOptions: { output: names },
  },
  worker: { format: "es", rolldownOptions: { output: names } },
  test: {
    projects: [
      { test: { name: "unit", include: ["test/unit/*.test.ts"] } },
      {
        test: {
          name: "browser",
          include: ["test/browser/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
