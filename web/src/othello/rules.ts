/** The rules of Othello on a board of any side; squares are counted row by row. */

export const [EMPTY, BLACK, WHITE] = [0, 1, 2];

/** A position: the discs, and who moves next; 0 where the game is over. */
export interface Position {
  board: number[];
  mover: number;
  /** Whether the player who would have been next had no move. */
  passed: boolean;
}

const STEPS = [-1, 0, 1].flatMap((down) => [-1, 0, 1].map((right) => [down, right])).filter(([a, b]) => a || b);

/** The first position: black begins. */
export function start(size: number): Position {
  const board = Array(size * size).fill(EMPTY);
  const half = size / 2;
  board[(half - 1) * size + half - 1] = board[half * size + half] = WHITE;
  board[(half - 1) * size + half] = board[half * size + half - 1] = BLACK;
  return { board, mover: BLACK, passed: false };
}

/** Discs that a move would turn over. */
export function captured(board: number[], size: number, mover: number, square: number): number[] {
  if (board[square] !== EMPTY) return [];
  const [row, column] = [Math.floor(square / size), square % size];
  return STEPS.flatMap(([down, right]) => {
    const line: number[] = [];
    for (let i = 1; ; i++) {
      const [r, c] = [row + i * down, column + i * right];
      if (r < 0 || c < 0 || r >= size || c >= size || board[r * size + c] === EMPTY) return [];
      if (board[r * size + c] === mover) return line;
      line.push(r * size + c);
    }
  });
}

/** Squares where the mover may play. */
export function legal(board: number[], size: number, mover: number): number[] {
  return board.map((_, square) => square).filter((square) => captured(board, size, mover, square).length > 0);
}

/** The position after a legal move; who has no move passes. */
export function play({ board, mover }: Position, size: number, square: number): Position {
  const next = board.slice();
  for (const each of [square, ...captured(board, size, mover, square)]) next[each] = mover;
  const other = BLACK + WHITE - mover;
  if (legal(next, size, other).length) return { board: next, mover: other, passed: false };
  const over = !legal(next, size, mover).length;
  return { board: next, mover: over ? 0 : mover, passed: !over };
}

/** What a square is called: letters are columns, a1 is the corner of row 0. */
export function nameOf(square: number, size: number): string {
  return `${"abcdefgh"[square % size]}${Math.floor(square / size) + 1}`;
}
