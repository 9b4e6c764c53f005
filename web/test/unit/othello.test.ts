import { describe, expect, test } from "vitest";

import { Network } from "../../src/inside/network";
import { tensors } from "../../src/inside/tensors";
import { captured, legal, nameOf, play, start } from "../../src/othello/rules";
import { agree, fixture, member, values } from "./fixtures";

const stored = fixture("othello");
const SIZE = 6;
const bytes = (text: string): ArrayBuffer => Uint8Array.from(Buffer.from(text, "base64")).buffer;

describe("the rules", () => {
  test("give the library's boards, movers and legal moves", () => {
    let compared = 0;
    for (let game = 0; game < 4; game++) {
      const part = (name: string): Float32Array => member(stored[name], game);
      const [tokens, colours, movers, open] = ["tokens", "colour", "mover", "legal"].map(part);
      let position = start(SIZE);
      for (let ply = 0; ply < tokens.length && part("weights")[ply]; ply++) {
        position = play(position, SIZE, stored.squares.values[tokens[ply]]);
        expect(position.board).toEqual([...colours.subarray(36 * ply, 36 * (ply + 1))]);
        expect(position.mover).toBe(1 + movers[ply]);
        const allowed = legal(position.board, SIZE, position.mover);
        expect(allowed.map((square) => open[36 * ply + square])).toEqual(allowed.map(() => 1));
        expect(allowed.length).toBe(open.subarray(36 * ply, 36 * (ply + 1)).reduce((a, b) => a + b, 0));
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(100);
  });

  test("know the end, and what cannot be played", () => {
    const full = { board: Array(16).fill(1), mover: 1, passed: false };
    full.board[0] = 0;
    full.board[1] = 2;
    expect(play(full, 4, 0).mover).toBe(0);
    expect(captured(full.board, 4, 1, 5)).toEqual([]);
    expect(nameOf(8, 6)).toBe("c2");
  });
});

describe("the network of a file", () => {
  const file = tensors(bytes(stored.file));
  const params = Object.entries(file.arrays).map(([name, tensor]) => [name.slice("params/".length), tensor]);
  const network = new Network(Object.fromEntries(params), "gelu");
  const tokens = [...values(stored.small_tokens)];

  test("gives the library's logits and residual stream", () => {
    const { logits, mid } = network.run(tokens);
    agree(logits, values(stored.logits));
    mid.forEach((x, layer) => agree(x, member(stored.mid, layer)));
  });

  test("is edited as the library edits it", () => {
    const { logits } = network.run(tokens, (layer, position, x) => {
      if (position === 3) member(stored.delta, layer).forEach((more, d) => (x[d] += more));
    });
    agree(logits.subarray(3 * network.vocab), values(stored.edited));
  });

  test("says what is wrong with a file", () => {
    const good = new Uint8Array(bytes(stored.file));
    expect(() => tensors(good.slice(0, 5).buffer)).toThrow("no safetensors");
    expect(() => tensors(good.slice(0, good.length - 9).buffer)).toThrow("damaged");
    const bent = good.slice();
    bent[9] = 1;
    expect(() => tensors(bent.buffer)).toThrow("header is damaged");
    expect(() => new Network({}, "gelu")).toThrow("embed/embedding");
  });
});
