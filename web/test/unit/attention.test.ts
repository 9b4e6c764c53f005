import { tree as trees } from "@jax-js/jax";
import { expect, test } from "vitest";

import { apply, losses, oneHot, positions } from "../../src/attention/model";
import { draw, scores } from "../../src/attention/repeats";
import { Population } from "../../src/numerics/adamw";
import { crossEntropy } from "../../src/numerics/losses";
import { toArray, toTable } from "../../src/numerics/arrays";
import { Random } from "../../src/numerics/random";
import { agree, fixture, tree, values } from "./fixtures";

test("a network trains as in Python, and its patterns are the same", async () => {
  const stored = fixture("attention");
  const [rate, decay] = [Float32Array.of(1e-2), Float32Array.of(0.01)];
  const population = new Population(tree(stored.before), losses, rate, decay, { b1: 0.9, b2: 0.98 });
  const where = positions(12, 4);
  const seen: number[] = [];
  for (let step = 0; step < 20; step++) {
    const batch = {
      tokens: oneHot(stored.inputs[step].values, 12, 6),
      answers: oneHot(stored.targets[step].values, 12, 6),
      weights: toArray(values(stored.weights[step]), [8, 12]),
    };
    seen.push((await population.advance({ ...batch, ...trees.ref(where) }).data())[0]);
  }
  agree(seen, stored.losses.values);
  for (const name of Object.keys(stored.after)) {
    agree((await toTable(population.params[name])).values, values(stored.after[name]));
  }
  const [logits, patterns] = apply(
    trees.ref(population.params),
    oneHot(stored.fixed.inputs.values, 12, 6),
    trees.ref(where),
  );
  logits.dispose();
  const layers = await Promise.all(patterns.map(toTable));
  for (const layer of [0, 1]) {
    const found = scores(layers[layer].values, [4, 2, 12], 5);
    agree(found.induction, stored.induction.values.slice(2 * layer, 2 * layer + 2));
    agree(found.previous, stored.previous.values.slice(2 * layer, 2 * layer + 2));
    for (let b = 0; b < 4; b++) {
      const size = 2 * 144;
      const wanted = stored.pattern.values.slice((2 * b + layer) * size, (2 * b + layer + 1) * size);
      agree(layers[layer].values.subarray(b * size, (b + 1) * size), wanted);
    }
  }
  for (let cut = 0; cut < 4; cut++) {
    const gates = toArray(Float32Array.from({ length: 4 }, (_, head) => Number(head !== cut)), [2, 2]);
    const tokens = oneHot(stored.fixed.inputs.values, 12, 6);
    const [changed, rest] = apply(trees.ref(population.params), tokens, trees.ref(where), gates);
    trees.dispose(rest);
    const answers = oneHot(stored.fixed.targets.values, 12, 6).reshape([1, 48, 6]);
    const nats = await crossEntropy(changed, answers).data();
    const late = [...nats].filter((_, i) => i % 12 >= 5);
    agree([late.reduce((a, b) => a + b, 0) / late.length], [stored.without_head.values[cut]]);
  }
  population.dispose();
});

test("sequences repeat with their period, and no sooner", () => {
  const world = { tokens: 9, length: 16, shortest: 4, longest: 7 };
  const { inputs, targets, weights } = draw(world, 50, new Random(3));
  for (let b = 0; b < 50; b++) {
    const row = inputs.subarray(16 * b, 16 * (b + 1));
    const period = weights.subarray(16 * b, 16 * (b + 1)).indexOf(1);
    expect(period).toBeGreaterThanOrEqual(4);
    expect(period).toBeLessThanOrEqual(7);
    expect(new Set(row.subarray(0, period)).size).toBe(period);
    for (let l = period; l < 16; l++) expect(row[l]).toBe(row[l - period]);
    for (let l = 0; l < 15; l++) expect(targets[16 * b + l]).toBe(row[l + 1]);
  }
});
