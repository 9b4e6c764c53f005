"""Othello the slow way: a grid of characters, walked square by square."""

import numpy as np

STEPS = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)]


def start(size: int) -> np.ndarray:
    """The first position: 1 black, -1 white, 0 empty."""
    board = np.zeros((size, size), int)
    h = size // 2
    board[h - 1, h - 1] = board[h, h] = -1
    board[h - 1, h] = board[h, h - 1] = 1
    return board


def lines(board: np.ndarray, row: int, column: int, who: int) -> list[list[tuple[int, int]]]:
    """The lines of the other side's discs that a disc at (row, column) would bracket."""
    found = []
    for dr, dc in STEPS:
        line, (r, c) = [], (row + dr, column + dc)
        while 0 <= r < len(board) and 0 <= c < len(board) and board[r, c] == -who:
            line.append((r, c))
            r, c = r + dr, c + dc
        if line and 0 <= r < len(board) and 0 <= c < len(board) and board[r, c] == who:
            found.append(line)
    return found


def legal(board: np.ndarray, who: int) -> set[tuple[int, int]]:
    """Squares on which a player may play."""
    return {
        (int(r), int(c)) for r, c in np.argwhere(board == 0) if lines(board, int(r), int(c), who)
    }


def put(
    board: np.ndarray, row: int, column: int, who: int, rule: str = "flip"
) -> set[tuple[int, int]]:
    """Put a disc down in place; return the squares that the rule acted upon."""
    acted = set()
    for line in lines(board, row, column, who):
        if rule == "row" and line[0][0] != row:
            continue
        if rule == "ends":
            line = [line[0], line[-1]]
        if rule != "none":
            acted |= set(line)
    for r, c in acted:
        board[r, c] = 0 if rule == "delete" else who
    board[row, column] = who
    return acted


def follow(size: int, moves: list[int], rule: str = "flip", turns: list[int] | None = None) -> dict:
    """Replay moves (row-major squares) and return what is true after each.

    Args:
        size: side of the board.
        moves: row-major squares.
        rule: what brackets do.
        turns: who makes each move, and who would make the next; by the rules when None.
    """
    board, who = start(size), 1
    out = {"board": [], "colour": [], "flipped": [], "legal": [], "mover": [], "turns": [1]}
    for ply, move in enumerate(moves):
        who = turns[ply] if turns else who
        acted = put(board, move // size, move % size, who, rule)
        after = -who if legal(board, -who) else who
        if not legal(board, who) and not legal(board, -who):
            after = -who
        who = turns[ply + 1] if turns else after
        out["turns"].append(who)
        out["board"].append(np.where(board == 0, 0, np.where(board == who, 1, 2)).ravel())
        out["colour"].append(np.where(board == 0, 0, np.where(board == 1, 1, 2)).ravel())
        flat = np.zeros(size * size, bool)
        flat[[r * size + c for r, c in acted]] = True
        out["flipped"].append(flat)
        flat = np.zeros(size * size, bool)
        flat[[r * size + c for r, c in legal(board, who)]] = True
        out["legal"].append(flat)
        out["mover"].append(0 if who == 1 else 1)
    return out


def perft(size: int, depth: int) -> int:
    """Number of games of ``depth`` plies, a pass counting as one."""

    def count(board: np.ndarray, who: int, left: int, passed: bool) -> int:
        if left == 0:
            return 1
        moves = legal(board, who)
        if not moves:
            return 1 if passed else count(board, -who, left - 1, True)
        total = 0
        for r, c in moves:
            after = board.copy()
            put(after, r, c, who)
            total += count(after, -who, left - 1, False)
        return total

    return count(start(size), 1, depth, False)
