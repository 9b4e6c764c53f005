import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { tensors } from "../../src/inside/tensors";
import { Random } from "../../src/numerics/random";
import { laid, plane } from "../../src/tracing/geometry";
import { ahead, follow, GRAPHS } from "../../src/tracing/graphs";
import { listed, Reading, sites, Tracers, WALKS } from "../../src/tracing/reader";
import { agree, fixture, member, values } from "./fixtures";

const stored = fixture("graph_tracing");
const path = new URL("../../../toylab/web/exhibits/graph_tracing.safetensors", import.meta.url);
const file = new Uint8Array(readFileSync(path)).buffer;

describe("graphs and walks", () => {
  test("have the library's edges", () => {
    for (const [name, edges] of Object.entries(stored.edges)) {
      const mine = GRAPHS[name].edges.map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);
      expect(mine.sort(([a, b], [c, d]) => a - c || b - d)).toEqual(edges);
    }
    expect(Object.keys(GRAPHS)).toEqual(Object.keys(stored.edges));
  });

  test("do not turn back, and take every other neighbour alike", () => {
    const graph = GRAPHS.lattice;
    const walk = follow(graph, [5], 4000, new Random(1));
    const taken = new Map<number, number>();
    walk.forEach((node, i) => {
      if (i) expect(graph.near[walk[i - 1]]).toContain(node);
      if (i > 1) expect(node).not.toBe(walk[i - 2]);
      if (i && walk[i - 1] === 5) taken.set(node, (taken.get(node) ?? 0) + 1);
    });
    expect([...taken.keys()].sort()).toEqual(graph.near[5].slice().sort());
    expect(Math.min(...taken.values())).toBeGreaterThan(Math.max(...taken.values()) / 3);
    expect(ahead({ ...graph, near: [[1], [0]] }, [0, 1])).toEqual([0]); // a dead end
  });
});

describe("what the network makes of given walks", () => {
  const tracers = new Tracers(tensors(file));
  const network = tracers.networks[stored.member];
  const reading = new Reading(tracers, GRAPHS.lattice, 0, network);
  reading.tokens.splice(0, Infinity, ...stored.tokens);
  for (let i = 0; i < WALKS; i++) {
    reading.walks[i] = [...member(stored.nodes, i)];
    reading.shuffled[i] = [...member(stored.shuffled, i)];
  }
  while (reading.more());

  test("agrees with the library: logits, residual stream, mass on neighbours", () => {
    const pass = network.run(reading.walks[0].map((node) => reading.tokens[node]));
    agree(pass.logits.subarray(pass.logits.length - stored.logits.values.length), values(stored.logits));
    sites(pass).forEach((x, site) => agree(x.subarray(x.length - 2 * network.width), member(stored.stream, site)));
    agree(reading.mass(), values(stored.mass));
  });

  test("has the library's energies at every site, in order and shuffled, and of lists of neighbours", () => {
    for (let site = 0; site < stored.energy.shape[0]; site++) {
      const all = reading.energies(site);
      const found = stored.counts.map((count: number) => all[count - 1]);
      agree(found, member(stored.energy, site));
      agree([reading.energies(site, true).at(-1)!], member(stored.shuffled_energy, site));
    }
    agree(Object.values(GRAPHS).map(listed), values(stored.listed));
  });

  test("lies in the plane of the library's components, laid over the graph as it lays them", () => {
    const { scores, shares } = plane(reading.means(stored.site, tracers.longest)!);
    agree(shares, values(stored.shares));
    const { points, misfit } = laid(scores, GRAPHS.lattice.points);
    agree(points.flat(), values(stored.laid));
    agree([misfit], [stored.misfit]);
    const mirrored = laid(scores.map(([x, y]) => [-x, y]), GRAPHS.lattice.points);
    agree(mirrored.points.flat(), values(stored.laid));
  });

  test("follows the reader's own steps", () => {
    const begun = reading.walks[0].slice(0, 20);
    const next = ahead(GRAPHS.lattice, begun)[0];
    reading.walk([...begun, next]);
    expect(reading.walks[0].slice(0, 21)).toEqual([...begun, next]);
    expect(reading.walks[0].length).toBe(tracers.longest);
    const { nodes, others } = reading.chances(21);
    expect(nodes.reduce((a, b) => a + b, others)).toBeCloseTo(1, 5);
  });
});
