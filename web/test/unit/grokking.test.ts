import { tree as trees } from "@jax-js/jax";
import { expect, test } from "vitest";

import { circle, around, spectrum } from "../../src/grokking/fourier";
import { logits, rightly, share, without } from "../../src/grokking/inside";
import { losses, pairs, scores, split } from "../../src/grokking/model";
import { Population } from "../../src/numerics/adamw";
import { toTable } from "../../src/numerics/arrays";
import { agree, fixture, member, tree, values } from "./fixtures";

test("a population trains as in Python", async () => {
  const stored = fixture("grokking");
  const decay = Float32Array.from(stored.decay);
  const rate = new Float32Array(decay.length).fill(1e-2);
  const population = new Population(tree(stored.before), losses, rate, decay, { b1: 0.9, b2: 0.98 });
  const training = pairs(7, (pair) => stored.training[pair]);
  const seen: number[][] = [];
  for (let step = 0; step < 20; step++) {
    seen.push([...(await population.advance(trees.ref(training)).data())]);
  }
  for (let p = 0; p < decay.length; p++) agree(seen.map((row) => row[p]), member(stored.losses, p));
  for (const name of Object.keys(stored.after)) {
    agree((await toTable(population.params[name])).values, values(stored.after[name]));
  }
  const [nats, right] = scores(trees.ref(population.params), pairs(7, () => true));
  const [loss, hits] = [await nats.data(), await right.data()];
  stored.look.forEach((look: Record<string, number>, p: number) => {
    const mean = (all: ArrayLike<number>, trained: boolean): number => {
      const part = stored.training.flatMap((is: boolean, i: number) => (is === trained ? [all[49 * p + i]] : []));
      return part.reduce((a: number, b: number) => a + b, 0) / part.length;
    };
    agree([mean(loss, true), mean(loss, false)], [look.train_loss, look.test_loss]);
    agree([mean(hits, true), mean(hits, false)], [look.train_accuracy, look.test_accuracy]);
  });
  const embed = (await toTable(population.params.embed)).values;
  const [first, second] = await Promise.all([0, 1].map((i) => toTable(population.params[`layers/${i}/kernel`])));
  for (let p = 0; p < 2; p++) {
    const part = (values: Float32Array): Float32Array => values.subarray((p * values.length) / 2, ((p + 1) * values.length) / 2);
    const network = { p: 7, embed: part(embed), first: part(first.values), second: part(second.values) };
    const mask = Float32Array.from(stored.training, Number);
    for (const [look, now] of [
      [stored.look[p], network],
      [stored.without_2[p], { ...network, embed: without(network, 2) }],
    ]) {
      expect(share(rightly(now), mask, true)).toBeCloseTo(look.train_accuracy, 5);
      expect(share(rightly(now), mask, false)).toBeCloseTo(look.test_accuracy, 5);
      const all = logits(now);
      const nats = new Float32Array(49).map((_, pair) => {
        const row = all.subarray(7 * pair, 7 * pair + 7);
        const total = row.reduce((sum, z) => sum + Math.exp(z), 0);
        return Math.log(total) - row[(Math.floor(pair / 7) + (pair % 7)) % 7];
      });
      agree([share(nats, mask, true), share(nats, mask, false)], [look.train_loss, look.test_loss]);
    }
  }
  for (let p = 0; p < 2; p++) {
    agree(spectrum(embed.subarray(112 * p, 112 * p + 56), 7), member(stored.spectrum, p));
  }
  population.dispose();
});

test("a table that is a circle has one frequency, and is drawn as one", () => {
  const [p, k] = [11, 3];
  const table = new Float32Array(2 * p).map((_, i) => {
    const angle = (2 * Math.PI * k * Math.floor(i / 2)) / p;
    return i % 2 ? Math.sin(angle) : Math.cos(angle);
  });
  const found = spectrum(table, p);
  found.forEach((size, i) => expect(size).toBeCloseTo(i === k - 1 ? Math.sqrt(p) : 0, 5));
  const points = circle(table, p, k);
  for (let a = 0; a < p; a++) expect(Math.hypot(points[2 * a], points[2 * a + 1])).toBeCloseTo(1, 5);
  expect(new Set(around(p, k)).size).toBe(p);
  expect(around(p, k)[1]).toBe(4); // 4 * 3 = 12 = 1 modulo 11
});

test("a split is of the asked size, of its own seed, and nested", () => {
  const count = (mask: Uint8Array): number => mask.reduce((a, b) => a + b, 0);
  expect(count(split(31, 0.5, 0))).toBe(480);
  const [small, large] = [split(13, 0.3, 5), split(13, 0.6, 5)];
  expect(small.every((is, i) => !is || large[i] === 1)).toBe(true);
  expect(split(13, 0.3, 6)).not.toEqual(small);
});
