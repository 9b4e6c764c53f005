import { describe, expect, test } from "vitest";

import { Player, type Cut, type Head } from "../../src/countdown/player";
import { tensors } from "../../src/inside/tensors";
import { agree, fixture, values } from "./fixtures";

const stored = fixture("countdown");
const file = Uint8Array.from(Buffer.from(stored.file, "base64"));
const player = new Player(tensors(file.buffer));
const { rules, network, problems } = player;
const NONE: Cut = { heads: [], everywhere: false };
const attempt = (text: string): number[] => text.split(" ").map((word) => rules.token(word));

/** Logits of a whole sequence, (L V), with heads off at some places. */
function logits(off: (place: number) => boolean): number[] {
  const sequence = network.start();
  return stored.tokens.flatMap((token: number, place: number) => {
    const gone = (layer: number, head: number): boolean => off(place) && player.heads.some(([u, h]: Head) => u === layer && h === head);
    return Array.from(sequence.next(token, gone).logits);
  });
}

describe("the network of a file", () => {
  test("gives the library's logits, token by token", () => agree(logits(() => false), values(stored.logits)));

  test("and those with heads off, at the verdict or everywhere", () => {
    const verdict = (place: number): boolean => [9, 10].includes((place - rules.prompt) % rules.attempt);
    agree(logits(verdict), values(stored.off_at_verdict));
    agree(logits(() => true), values(stored.off_everywhere));
  });

  test("writes what the library writes", () => {
    const cut = { heads: player.heads, everywhere: true };
    const wrote = [...player.write({ problem: problems[0], cut })].map(({ word }) => word);
    expect(wrote.slice(0, stored.wrote_without.length)).toEqual(stored.wrote_without);
  });

  test("and believes what the library's probe reads", () => {
    const given = stored.tokens.slice(rules.prompt);
    const wrote = [...player.write({ problem: problems[0], cut: NONE, given })].slice(0, given.length);
    expect(wrote.every((one) => one.given)).toBe(true);
    const believed = wrote.filter(({ place }) => place < rules.attempt - 1).map(({ belief }) => belief!);
    agree(believed, values(stored.belief));
    expect(wrote[rules.attempt - 1].belief).toBeNull();
  });

  test("at the verdict changes nothing before it", () => {
    const first = attempt(stored.solved[0][0]);
    const given = [...first, rules.token("(")];
    const [whole, without] = [NONE, { heads: player.heads, everywhere: false }].map((cut) =>
      [...player.write({ problem: problems[0], cut, given })].slice(0, first.length - 1),
    );
    expect(without).toEqual(whole);
  });

  test("is refused where something is missing", () => {
    const { about, arrays } = tensors(file.buffer);
    expect(() => new Player({ about: { ...about, rules: "{" }, arrays })).toThrow("nothing of its rules");
    const four = about.rules.replace('"numbers": 3', '"numbers": 4');
    expect(() => new Player({ about: { ...about, rules: four }, arrays })).toThrow("three numbers");
    const { "probe/bias": _, ...rest } = arrays;
    expect(() => new Player({ about, arrays: rest })).toThrow("holds no probe/bias");
    const { "params/blocks/1/mlp/up/kernel": __, ...fewer } = arrays;
    expect(() => new Player({ about, arrays: fewer })).toThrow("blocks/1/mlp/up/kernel");
  });
});

describe("the rules", () => {
  test("find a solution where Python finds one", () => {
    problems.forEach((problem, i) => {
      const found = rules.solve(problem)?.map((token) => rules.word(token)).join(" ");
      if (stored.solved[i].length) expect(stored.solved[i]).toContain(found);
      else expect(found).toBeUndefined();
    });
  });

  test("say what an attempt breaks, as Python does", () => {
    for (const [text, problem] of stored.wrong) expect(rules.broken(text.split(" "), [2, 4, 5])).toBe(problem);
    expect(rules.broken("5 - ok = 3 3 + 4 = 7".split(" "), [2, 4, 5])).toBe("step 1 is none");
  });
});
