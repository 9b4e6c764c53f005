/** Inside a network that plays Othello: the board, the board in its mind, the moves it expects. */

import { choice } from "../controls/choice";
import { slider } from "../controls/slider";
import { tensors } from "../inside/tensors";
import { Random } from "../numerics/random";
import { calmly, h } from "../shell/dom";
import { notice } from "../shell/notice";
import { choice as choiceField, number, read, write, type Values } from "../shell/state";
import { board } from "./board";
import { likeliest, Mind, seenBy, type Thought } from "./mind";
import { BLACK, EMPTY, legal, nameOf, play, start, WHITE, type Position } from "./rules";

const SCHEMA = {
  ply: number("Moves played", 1, 31, 14),
  layer: number("Layer read", 0, 4, 0),
  flip: { ...number("Square flipped in its mind", 0, 36, 0), zero: "none" },
  strength: number("Strength of the flip", 0, 2, 1, 0.1),
  along: choiceField("The flip goes", "probe", { probe: "along the probe", random: "in a random direction" }),
  game: number("Game", 0, 99, 3),
};
type Setting = Values<typeof SCHEMA>;

const TITLE = "A board that nobody told it of";
const LEAD =
  "This network was shown only lists of moves, and learned which may come next. A linear probe finds the whole board in it. Click a disc in its mind to flip it there: it then expects the moves of that board.";

/** Open the page. */
export function open(root: HTMLElement, query: URLSearchParams): () => void {
  let closed = false;
  const said = h("div", { class: "notices" });
  const { values, problems } = read(query, SCHEMA);
  for (const problem of problems) notice(said, `${problem} The default is used.`);
  const holder = h("div", {}, h("p", { class: "caption" }, "Fetching the network…"));
  root.append(
    said,
    h("header", { class: "opening" }, h("h1", {}, TITLE), h("p", { class: "lead" }, LEAD)),
    holder,
  );
  void fetched("othello.safetensors").then(
    (mind) => {
      if (!closed) build(holder, mind, values);
    },
    (error) => notice(said, `The network cannot be had: ${String(error.message ?? error)} Reload to try again.`),
  );
  return () => (closed = true);
}

async function fetched(path: string): Promise<Mind> {
  const answer = await fetch(path).catch(() => null);
  if (!answer?.ok) throw new Error(`${path} is not beside this page.`);
  return new Mind(tensors(await answer.arrayBuffer()));
}

/** A game's moves; those given first, the others drawn among the legal ones. */
function game(seed: number, size: number, first: number[] = []): number[] {
  const random = new Random(seed, "game");
  const moves: number[] = [];
  let position = start(size);
  while (position.mover) {
    const open = legal(position.board, size, position.mover);
    const drawn = open[random.below(open.length)];
    moves.push(first[moves.length] ?? drawn);
    position = play(position, size, moves.at(-1)!);
  }
  return moves;
}

function build(holder: HTMLElement, mind: Mind, values: Setting): void {
  const { size } = mind;
  let own: number[] = []; // moves that the reader played
  const caption = h("p", { class: "caption", role: "status", "aria-live": "polite" });
  const address = calmly(200, () => history.replaceState(null, "", write("othello", values, SCHEMA)));
  const put = (changes: Partial<Setting>): void => {
    Object.assign(values, changes);
    for (const [name, control] of Object.entries(controls)) control.set(values[name as keyof Setting] as never);
    address();
    draw();
  };
  const boards = {
    real: board("The board: click to play", size, (square) => {
      own = [...moves().slice(0, values.ply), square];
      put({ ply: Math.min(values.ply + 1, last()), flip: 0 });
    }),
    mind: board("The board in its mind: click a disc to flip it", size, (square) =>
      put({ flip: values.flip === square + 1 ? 0 : square + 1 }),
    ),
    next: board("Moves that it expects next", size),
  };
  const fields = { ply: { ...SCHEMA.ply, high: mind.longest }, layer: { ...SCHEMA.layer, zero: "the best", high: mind.layers } };
  const controls = {
    ply: slider(fields.ply, values.ply, (ply) => put({ ply, flip: 0 })),
    layer: slider(fields.layer, values.layer, (layer) => put({ layer })),
    strength: slider(SCHEMA.strength, values.strength, (strength) => put({ strength })),
    along: choice(SCHEMA.along, values.along, (along) => put({ along })),
    game: slider(SCHEMA.game, values.game, (seed) => {
      own = [];
      put({ game: seed, flip: 0 });
    }),
  };
  const moves = (): number[] => game(values.game, size, own);
  const last = (): number => Math.min(mind.longest, moves().length - 1);

  function draw(): void {
    if (values.ply > last()) {
      values.ply = last();
      controls.ply.set(values.ply);
    }
    const played = moves().slice(0, values.ply);
    const position = played.reduce((now, square) => play(now, size, square), start(size));
    const flipped = values.flip - 1;
    if (flipped >= 0 && position.board[flipped] === EMPTY) values.flip = 0;
    const wanted = position.board.map((disc, square) => (square === values.flip - 1 ? BLACK + WHITE - disc : disc));
    const plain = mind.think(played);
    const edited = values.flip ? mind.think(played, wish(values, position)) : plain;
    const layer = values.layer ? values.layer - 1 : mind.best;
    const open = legal(wanted, size, position.mover);
    showReal(position, played);
    const right = showMind(edited, layer, wanted, position.mover);
    showNext(edited, open, position);
    caption.textContent = words(values, size, { position, plain, edited, open, right });
  }

  function showReal({ board: discs, mover }: Position, played: number[]): void {
    const open = legal(discs, size, mover);
    boards.real.show(
      discs.map((disc, square) => ({
        disc,
        live: open.includes(square),
        words: open.includes(square) ? "can be played" : "",
        marks: [open.includes(square) ? "legal" : "", square === played.at(-1) ? "last" : ""].filter(Boolean),
      })),
    );
  }

  function showMind(thought: Thought, layer: number, wanted: number[], mover: number): number {
    const found = mind.board(thought, layer);
    const disc = (state: number): number => (state === 0 ? EMPTY : state === 1 ? mover : BLACK + WHITE - mover);
    const right = found.map(({ state }, square) => disc(state) === wanted[square]);
    boards.mind.show(
      found.map(({ state, score }, square) => ({
        disc: disc(state),
        strength: Math.min(1, Math.max(0.25, score)),
        live: wanted[square] !== EMPTY,
        words: right[square] ? "" : "read wrong",
        marks: [right[square] ? "" : "wrong", square === values.flip - 1 ? "edited" : ""].filter(Boolean),
      })),
    );
    return right.filter(Boolean).length;
  }

  function showNext({ chances }: Thought, open: number[], { board: discs }: Position): void {
    const due = 1 / Math.max(1, open.length);
    boards.next.show(
      chances.map((chance, square) => ({
        dot: chance / due / 1.6,
        words: `${(100 * chance).toFixed(1)}%${open.includes(square) ? ", allowed" : ""}`,
        marks: [open.includes(square) ? "legal" : "illegal", discs[square] === EMPTY ? "" : "taken"].filter(Boolean),
      })),
    );
  }

  const { about } = mind;
  holder.replaceChildren(
    h("div", { class: "boards" }, boards.real.element, boards.mind.element, boards.next.element),
    h("div", { class: "hero wide" }, controls.ply.element, caption),
    h("div", { class: "row settings" }, controls.strength.element, controls.layer.element, controls.game.element, controls.along.element),
    h(
      "p",
      { class: "engine" },
      `Dots: chances; blue ones may be played on the board as flipped, orange ones not; a dashed ring marks each that may. An orange frame: the probe reads that square wrong. The network is that of ${about.study} (${about.preset}, seed ${about.seed}), its weights in 8 bits; it runs in this page.`,
    ),
  );
  draw();
}

function wish({ flip, strength, along }: Setting, { board: discs, mover }: Position) {
  const from = seenBy(mover, discs[flip - 1]);
  return { square: flip - 1, from, to: 3 - from, times: strength, random: along === "random" };
}

interface Seen {
  position: Position;
  plain: Thought;
  edited: Thought;
  open: number[];
  right: number;
}

/** One sentence on what is seen. */
function words({ flip, along }: Setting, size: number, { position, plain, edited, open, right }: Seen): string {
  const among = ({ chances }: Thought): number => likeliest(chances, open.length).filter((s) => open.includes(s)).length;
  const n = open.length;
  if (!position.mover) return "The game is over.";
  if (!flip) {
    const who = position.mover === BLACK ? "Black" : "White";
    const pass = position.passed ? " after a pass, which it is not told of" : "";
    return `${who} to move${pass}. Of its ${n} likeliest moves ${among(edited)} are legal; ${right} of ${size * size} squares are read right.`;
  }
  if (!n) return `With ${nameOf(flip - 1, size)} flipped there would be no legal move.`;
  const how = along === "random" ? "pushed in a random direction instead of flipping" : "flipped in its mind:";
  const square = nameOf(flip - 1, size);
  const told = along === "random" ? `${how} ${square}:` : `${square} ${how}`;
  const text = `${told} of its ${n} likeliest moves ${among(edited)} are legal on that board; ${among(plain)} without.`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}
