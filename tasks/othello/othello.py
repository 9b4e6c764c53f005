"""Othello games of random legal moves: a next-move predictor's world, with the board as truth.

A game is the sequence of its moves; passes are silent. With T = size^2 - 4 squares to play on,
token 0 fills up games that end early, and tokens 1 to T are those squares in row-major order.
Inputs are a game's moves but the last, targets the moves that follow; the first move is never
predicted. Every latent describes the position after the move at the same place: what a predictor
of the next move would need to know there.

Source: Li et al. 2022 (arXiv:2210.13382) and its code: black begins, a player without a move
passes silently, the game ends when neither side can move, each move is drawn uniformly among the
legal ones. Their code names squares the other way round, rows by letters; here letters are columns
and a1 is the corner at row 0, column 0.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import ToylabError, check_number, nearest
from toylab.task import Batch, Number, Task

from . import othello_rules as rules
from .othello_rules import Bits

OPENINGS = ("all", "skewed", "held-out")
FLOOR_GAMES = 4096
ENDLESS = 2**31 - 1
BITS = 24  # a random number of 24 bits times a count of moves stays below 2^32


class Side(NamedTuple):
    """A position between two moves: the discs of who moves next and of the other, and the turn."""

    mine: Bits
    theirs: Bits
    legal: Bits
    white: Array  # whether white moves next


class Ply(NamedTuple):
    """What a move is and does: its square's index (-1 for none), captures, the next position."""

    square: Array
    taken: Bits
    side: Side


@dataclasses.dataclass(frozen=True)
class Othello(Task):
    """Random legal games on a board of side 4, 6 or 8.

    Latents after the move at place t, N = size^2 squares row by row:

    ======== ================================================================================
    board    0 empty, 1 mine, 2 theirs: "I" am the player who moves next (L, N)
    parity   the same, if the players had moved strictly in turn (wrong after a silent pass)
    colour   0 empty, 1 black, 2 white
    flipped  1 where the move captured a disc
    legal    1 where the player to move may play
    mover    0 black moves next, 1 white (L,)
    ======== ================================================================================

    Where a game is over, weights are 0 and latents are those of its last position.

    Args:
        size: side of the board.
        opening: ``all`` first moves; ``skewed`` leaves one of the four out (the one left of the
            centre, c4 on the full board), ``held-out`` has only that one.
        rule: what a move does to a line that it brackets; ``flip`` is Othello.
        pool: number of different games there are to draw, which may differ per member: a training
            set of that size. Pools are nested. The default is as good as endless.

    Raises:
        ToylabError: another size, opening or rule, or an empty pool.

    Example:
        >>> batch = Othello(4).batch(jax.random.key(0), 2)
        >>> batch.inputs.shape, batch.latents["board"].shape
        ((2, 11), (2, 11, 16))
    """

    size: int = 8
    opening: str = "all"
    rule: str = "flip"
    pool: Number = ENDLESS

    def __post_init__(self) -> None:
        rules.check_rules("Othello", self.size, self.rule)
        # A member's setting may arrive as a float32, in which ENDLESS is 2^31.
        check_number("Othello", "pool", self.pool, low=1, high=ENDLESS + 1, whole=True)
        if self.opening not in OPENINGS:
            hint = nearest(str(self.opening), OPENINGS)
            raise ToylabError(f"Othello: unknown opening {self.opening!r}: {hint}")

    @property
    def plies(self) -> int:
        """T, the most moves a game can have."""
        return self.size**2 - 4

    @property
    def length(self) -> int:
        """L = T - 1, the number of places of an example."""
        return self.plies - 1

    @property
    def vocab(self) -> int:
        """V = T + 1 tokens."""
        return self.plies + 1

    @functools.cached_property
    def squares(self) -> np.ndarray:
        """Square of each token, (V,); -1 for token 0."""
        h = self.size // 2
        centre = {(r, c) for r in (h - 1, h) for c in (h - 1, h)}
        board = [(r, c) for r in range(self.size) for c in range(self.size)]
        playable = [self.size * r + c for r, c in board if (r, c) not in centre]
        return np.array([-1, *playable], np.int32)

    @functools.cached_property
    def tokens(self) -> np.ndarray:
        """Token of each square, (N,); 0 for the four in the centre."""
        found = np.zeros(self.size**2, np.int32)
        found[self.squares[1:]] = np.arange(1, self.vocab, dtype=np.int32)
        return found

    def example(self, key: Array) -> Batch:
        """Draw one game: a number below ``pool``, then the game of that number."""
        pool = jnp.asarray(self.pool).astype(jnp.uint32)
        number = jax.lax.rem(random.bits(key, (1,))[0], pool)
        key = random.fold_in(random.stream(0, "games"), number)
        return self._batch(self._plies(random.bits(key, (self.plies,))))

    def games(self, key: Array, count: int) -> Array:
        """Draw games without their boards, as tokens (count, T): the generator at full speed."""
        bits_TB = random.bits(key, (self.plies, count))
        return jnp.moveaxis(self._tokens(self._plies(bits_TB).square), 0, -1)

    def replay(self, inputs: Array, rule: str | None = None) -> dict[str, Array]:
        """Return the latents of given games, perhaps under another rule.

        Under another rule the same players put the same discs down, and only what a move does to
        the lines it brackets is different: a world that the moves do not come from. Its ``legal``
        are the moves that would be legal there.

        Args:
            inputs: tokens (..., L), legal in this world.
            rule: the rule to replay by; this world's own by default.

        Raises:
            ToylabError: an unknown rule.
        """
        rules.check_rules("Othello.replay", self.size, rule or self.rule)
        square_L = jnp.moveaxis(jnp.asarray(self.squares)[inputs], -1, 0)
        plies = self._follow(square_L, rule or self.rule)
        return self._latents(plies)

    def consistent(self, batch: Batch) -> Any:
        """Whether the latents are those of the moves, moves are legal, and the game goes on."""
        same, legal, whole = self._compared(batch)
        return same & legal & whole

    def _compared(self, batch: Batch) -> tuple[np.ndarray, ...]:
        """Per game: latents as replayed, every move that follows legal, no end before its time."""
        again = {name: np.asarray(leaf) for name, leaf in self.replay(batch.inputs).items()}
        same = [
            (again[name] == np.asarray(leaf)).reshape(len(leaf), -1).all(1)
            for name, leaf in batch.latents.items()
        ]
        targets = np.asarray(batch.targets)
        place = np.maximum(self.squares[targets], 0)[..., None]
        legal = np.take_along_axis(again["legal"], place, -1)[..., 0]
        over = ~again["legal"].any(-1)
        whole = np.where(targets > 0, True, over).all(1)
        played = np.where(targets > 0, legal, True).all(1)
        return tuple(np.asarray(part) for part in (np.all(same, 0), played, whole))

    def floor(self, batch: Batch) -> Array:
        """Cross-entropy of the best predictor at each place, the log of its number of moves (B, L).

        Places after the end of a game give 0; weigh by ``batch.weights``.
        """
        count = jnp.sum(batch.latents["legal"].astype(jnp.float32), -1)
        return jnp.log(jnp.maximum(count, 1))

    def chances(self, batch: Batch) -> Array:
        """Chance of each token as the next move, the same for every legal one, (B, L, V).

        Where the game is over all are 0.
        """
        squares = jnp.asarray(self.squares[1:])
        legal = jnp.take(batch.latents["legal"], squares, axis=-1).astype(jnp.float32)
        tokens = jnp.pad(legal, [(0, 0)] * (legal.ndim - 1) + [(1, 0)])
        return tokens / jnp.maximum(jnp.sum(tokens, -1, keepdims=True), 1)

    def bayes_loss(self) -> float:
        """Mean of ``log(number of legal moves)`` over places, by simulation of 4,096 games.

        Its standard error is below 0.001 nats.
        """
        batch = jax.jit(lambda key: self.batch(key, FLOOR_GAMES))(jax.random.key(0))
        each = jnp.sum(batch.weights * self.floor(batch), 1) / jnp.sum(batch.weights, 1)
        return float(jnp.mean(each))

    def uniform_loss(self) -> float:
        """``log(V - 1)``: any square that can be played on."""
        return float(np.log(self.plies))

    # One game, or many with the games on trailing axes -----------------------------------------

    def _start(self, like: Array) -> Side:
        full = lambda bits: Bits(*(jnp.broadcast_to(word, like.shape) for word in bits))
        black, white = rules.opening(self.size)
        legal = full(rules.moves(black, white, self.size))
        return Side(full(black), full(white), legal, jnp.zeros(like.shape, bool))

    def _plies(self, bits_T: Array) -> Ply:
        """Play at random: ``bits_T`` (T, ...) are random words, one per move."""
        h = self.size // 2
        kept_out = Bits.of(rules.bit(h - 1, h - 2))
        first = {
            "all": rules.mask(self.size),
            "skewed": ~kept_out,
            "held-out": kept_out,
        }[self.opening]

        def step(carry: tuple[Side, Array], word: Array) -> tuple[tuple[Side, Array], Ply]:
            side, begun = carry
            choice = side.legal.where(begun, side.legal & first)
            n = ((word >> np.uint32(32 - BITS)) * choice.count()) >> np.uint32(BITS)
            ply = self._play(side, rules.nth(choice, n), self.rule)
            return (ply.side, jnp.ones_like(begun)), ply

        start = self._start(bits_T[0])
        return jax.lax.scan(step, (start, jnp.zeros_like(start.white)), bits_T)[1]

    def _follow(self, square_L: Array, rule: str) -> Ply:
        """Replay given moves by a rule, with the turns of this world's own."""

        def step(carry: tuple[Side, Side], index: Array) -> tuple[tuple[Side, Side], Ply]:
            true, other = carry
            move = rules.square(index, self.size)
            ply = self._play(true, move, self.rule)
            if rule == self.rule:
                return (ply.side, ply.side), ply
            return (ply.side, (found := self._play(other, move, rule, ply.side)).side), found

        start = self._start(square_L[0])
        return jax.lax.scan(step, (start, start), square_L)[1]

    def _play(self, side: Side, move: Bits, rule: str, turn: Side | None = None) -> Ply:
        """Make a move and find who moves next: by the rules, or as in ``turn``."""
        mine, theirs, taken = rules.play(side.mine, side.theirs, move, self.size, rule)
        forth = rules.moves(theirs, mine, self.size)
        back = rules.moves(mine, theirs, self.size)
        if turn is None:
            again = ~forth.any() & back.any() & move.any()  # the other side passes
            again = again | ~move.any()  # nobody moves any more
        else:
            again = turn.white == side.white
        after = Side(
            mine.where(again, theirs),
            theirs.where(again, mine),
            back.where(again, forth),
            side.white == again,
        )
        return Ply(self._index(move), taken, after)

    def _index(self, move: Bits) -> Array:
        """Row-major index of a single square, -1 for none."""
        in_low = move.lo != 0
        word = jnp.where(in_low, move.lo, move.hi)
        place = jax.lax.population_count(word - 1).astype(jnp.int32)
        place = jnp.where(in_low, place, place + 32)
        return jnp.where(move.any(), self.size * (place // 8) + place % 8, -1)

    def _tokens(self, square: Array) -> Array:
        return jnp.where(square >= 0, jnp.asarray(self.tokens)[jnp.maximum(square, 0)], 0)

    def _batch(self, plies: Ply) -> Batch:
        tokens = self._tokens(plies.square)
        targets = tokens[1:]
        latents = self._latents(jax.tree.map(lambda leaf: leaf[:-1], plies))
        return Batch(tokens[:-1], targets, (targets > 0).astype(jnp.float32), latents)

    def _latents(self, plies: Ply) -> dict[str, Array]:
        """Unpack positions (L, ...) into named arrays (..., L, N)."""
        plies = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, -1), plies)
        side = plies.side
        unpack = lambda bits: rules.squares(bits, self.size)
        mine, theirs = unpack(side.mine), unpack(side.theirs)
        code = lambda first, second: first.astype(jnp.int8) + 2 * second.astype(jnp.int8)
        wide = lambda flag: jnp.broadcast_to(flag[..., None], mine.shape)
        white_moves = wide(side.white)
        black = jnp.where(white_moves, theirs, mine)
        white = jnp.where(white_moves, mine, theirs)
        odd = jnp.arange(side.white.shape[-1]) % 2 == 0  # after one move it is white's turn
        white_by_parity = wide(jnp.broadcast_to(odd, side.white.shape))
        return {
            "board": code(mine, theirs),
            "parity": jnp.where(white_by_parity, code(white, black), code(black, white)),
            "colour": code(black, white),
            "flipped": unpack(plies.taken),
            "legal": unpack(side.legal),
            "mover": side.white.astype(jnp.int8),
        }


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (Othello(4, pool=5000),)
