import { expect, test } from "vitest";

import { each, Population } from "../../src/numerics/adamw";
import { toTable } from "../../src/numerics/arrays";
import * as geometry from "../../src/superposition/geometry";
import { importances } from "../../src/superposition/members";
import { data, initial, LOSSES, type Activation } from "../../src/superposition/model";
import { boundary, exactLoss, phaseInTheory } from "../../src/superposition/theory";
import { agree, fixture, member, tree, values } from "./fixtures";

test.each(["relu", "linear"] as Activation[])("a %s population trains as in Python", async (name) => {
  const stored = fixture(`superposition_${name}`);
  const density = Float32Array.from(stored.density);
  const count = density.length;
  const weights = importances(5, stored.importance, each(count, 1));
  const population = new Population(
    tree(stored.before),
    LOSSES[name],
    each(count, 1e-2),
    each(count, 0.01),
  );
  const seen: number[][] = [];
  for (const draws of stored.draws) {
    const found = population.advance(data(values(draws), 5, density, weights));
    seen.push([...(await found.data())]);
  }
  for (let p = 0; p < count; p++) agree(seen.map((row) => row[p]), member(stored.losses, p));
  for (const key of ["W", "b"]) {
    agree((await toTable(population.params[key])).values, values(stored.after[key]));
  }
  population.dispose();
});

test("a picture shows what the library measures", () => {
  const stored = fixture("superposition_relu");
  for (let p = 0; p < 3; p++) {
    const W = member(stored.after.W, p);
    agree(geometry.dimensionality(W, 2, 5), member(stored.look.dimensionality, p));
    agree(geometry.interference(W, 2, 5), member(stored.look.interference, p));
    agree([geometry.dimensionsPerFeature(W, 2)], member(stored.look.d_star, p));
    expect(geometry.classify(W, 2, 5)).toBe(stored.look.phase.values[p]);
  }
});

test("the phase diagram's theory is the library's", () => {
  const stored = fixture("phases");
  stored.density.forEach((s: number, i: number) => {
    const r = stored.ratio[i];
    for (const n of [2, 3] as const) {
      expect(phaseInTheory(s, r, n)).toBe(stored.phase[n][i]);
      expect(boundary(r, n)).toBeCloseTo(stored.boundary[n][i], 10);
    }
    agree([exactLoss(member(stored.W, i), member(stored.b, i), s, r)], [stored.losses.values[i]], 1e-3);
  });
});

test("weights start with the library's spread, and a seed gives the same ones again", async () => {
  const start = initial({ features: 20, hidden: 5 }, 64, 0);
  const { values: W } = await toTable(start.W);
  const square = W.reduce((sum, w) => sum + w * w, 0) / W.length;
  expect(square).toBeGreaterThan(0.9 * (2 / 25));
  expect(square).toBeLessThan(1.1 * (2 / 25));
  const again = await toTable(initial({ features: 20, hidden: 5 }, 2, 63).W);
  expect([...again.values.subarray(0, 100)]).toEqual([...W.subarray(6300)]);
});
