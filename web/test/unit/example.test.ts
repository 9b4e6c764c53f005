import { describe, expect, test } from "vitest";

import type { About, Claim, Curves, Leaf, Members } from "../../src/run/api";
import { from } from "../../src/run/example";
import { agree, fixture } from "./fixtures";

const stored = fixture("example");
const bytes = Uint8Array.from(Buffer.from(stored.file, "base64"));

describe("an example run", () => {
  const source = from(bytes.buffer);

  test("says what it holds, and what it lacks", async () => {
    const about = await source.ask<About>("run");
    expect(about.left_out).toEqual(["q"]);
    expect(about.populations.p).toMatchObject({ members: 4, kept: [1, 3], steps: [0, 5], by: ["density"] });
  });

  test("has Python's members and claims", async () => {
    expect(await source.ask<Members>("members", { population: "p" })).toEqual(stored.members);
    expect(await source.ask<Claim[]>("claims")).toEqual(stored.claims);
  });

  test.each([
    ["", "curves"],
    ["density", "curves_by"],
  ])("has Python's curves by %j", async (by, name) => {
    const found = await source.ask<Curves>("curves", { population: "p", metric: "loss", by });
    const wanted: Curves = stored[name];
    expect(found.steps).toEqual(wanted.steps);
    expect(found.members).toEqual(wanted.members);
    expect(found.groups.map(({ value, n }) => [value, n])).toEqual(wanted.groups.map(({ value, n }) => [value, n]));
    for (const end of ["mean", "low", "high"] as const) {
      found.groups.forEach((group, i) => agree(group[end] as number[], wanted.groups[i][end] as number[], 1e-6));
    }
  });

  test("has Python's parameters, to half a step of 8 bits, and their norms", async () => {
    const { leaves } = await source.ask<{ leaves: Leaf[] }>("params", { population: "p", step: 5, member: 3 });
    const [wanted]: Leaf[] = stored.params;
    expect(leaves.length).toBe(1);
    const [{ values, norm, ...leaf }] = leaves;
    expect(wanted).toMatchObject(leaf);
    agree([norm!], [wanted.norm!], 1e-6);
    const most = Math.max(...wanted.values.map((value) => Math.abs(value!)));
    values.forEach((value, i) => expect(Math.abs(value! - wanted.values[i]!)).toBeLessThan((0.51 * most) / 127));
  });

  test("says what is wrong with a file", () => {
    expect(() => from(bytes.slice(0, bytes.length - 9).buffer)).toThrow("damaged");
    const text = (from: string, to: string): ArrayBuffer => {
      const found = Buffer.from(bytes).toString("latin1").replace(from, to);
      return Uint8Array.from(Buffer.from(found, "latin1")).buffer;
    };
    expect(() => from(text('\\"claims\\"', '\\"clawms\\"'))).toThrow("says nothing of its claims");
    expect(() => from(text('"told":"{', '"told":" '))).toThrow("text is damaged");
  });
});
