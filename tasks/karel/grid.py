"""A robot on an open grid with walls around it: states, actions, and other meanings of actions.

A state is a cell and a heading, numbered ``4 cell + heading``; headings go clockwise from up.

Shape suffixes: A actions, S states.
"""

import functools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from toylab.errors import ToylabError, check_number

ACTIONS = ("move", "left", "right")
MOVE, LEFT, RIGHT = range(3)
HEADINGS = 4  # up, right, down, left
AHEAD = ((-1, 0), (0, 1), (1, 0), (0, -1))  # rows and columns that a move adds
TRUE = (MOVE, LEFT, RIGHT)  # what the actions mean
# Other meanings: each exchanges the move with a turn, so that kinds of actions change places.
MOVE_IS_LEFT, MOVE_IS_RIGHT = (LEFT, MOVE, RIGHT), (RIGHT, LEFT, MOVE)
MIRROR = (MOVE, RIGHT, LEFT)


def n_states(size: int) -> int:
    """Number of states on a grid of ``size`` by ``size`` cells."""
    return HEADINGS * size**2


@functools.lru_cache(maxsize=32)
def transitions(size: int, meaning: Sequence[int] = TRUE) -> Int[np.ndarray, "A S"]:
    """State after each action in each state; a move into a wall changes nothing.

    Args:
        size: cells along a side.
        meaning: ``meaning[a]`` is the action whose effect action ``a`` has.

    Raises:
        ToylabError: a grid of fewer than two cells a side, or a meaning that is no permutation.

    Example:
        >>> transitions(4)[:, 0].tolist()  # in the corner, heading for the wall
        [0, 3, 1]
    """
    check_number("transitions", "size", size, low=2, high=100, whole=True)
    if sorted(meaning) != list(range(len(ACTIONS))):
        raise ToylabError(
            f"transitions: meaning = {tuple(meaning)} is no permutation of {TRUE}; give each "
            "action's number once."
        )
    cell, heading = np.divmod(np.arange(n_states(size)), HEADINGS)
    row, column = np.divmod(cell, size)
    step = np.array(AHEAD)[heading]
    to_row, to_column = row + step[:, 0], column + step[:, 1]
    free = (to_row >= 0) & (to_row < size) & (to_column >= 0) & (to_column < size)
    moved = np.where(free, HEADINGS * (to_row * size + to_column) + heading, np.arange(len(cell)))
    turn = lambda by: HEADINGS * cell + (heading + by) % HEADINGS
    table_AS = np.stack([moved, turn(-1), turn(1)]).astype(np.int32)[list(meaning)]
    table_AS.flags.writeable = False
    return table_AS


def views(
    start: Int[Array, "..."], state: Int[Array, "..."], goal: Int[Array, "..."], size: int
) -> dict[str, Int[Array, "..."]]:
    """A state as seen from the start, towards the goal, and from above; shapes broadcast.

    ============ ======================================================================
    turned       heading less that of the start, in quarter turns clockwise, 0 to 3
    forward      cells from the start in the direction in which the robot started
    sideways     cells from the start to the right of it
    to_turn      heading of the goal less this one, in quarter turns clockwise
    ahead        cells still to go to the goal in the direction in which the robot heads
    aside        cells still to go to the right of it
    blocked      1 where a wall is ahead
    facing       heading
    row, column  of the cell
    ============ ======================================================================

    Args:
        start: where the robot started.
        state: where it is.
        goal: where it should end.
        size: cells along a side.
    """
    shape = jnp.broadcast_shapes(start.shape, state.shape, goal.shape)
    at = [jnp.broadcast_to(x, shape).astype(jnp.int32) for x in (start, state, goal)]
    heading = [x % HEADINGS for x in at]
    row, column = ([x // HEADINGS // size for x in at], [x // HEADINGS % size for x in at])
    ahead = jnp.asarray(AHEAD, jnp.int32)

    def along(quarters: Array, a: int, b: int) -> Array:
        way = ahead[quarters % HEADINGS]
        return (row[b] - row[a]) * way[..., 0] + (column[b] - column[a]) * way[..., 1]

    blocked = jnp.asarray(transitions(size)[MOVE])[at[1]] == at[1]
    return {
        "turned": (heading[1] - heading[0]) % HEADINGS,
        "forward": along(heading[0], 0, 1),
        "sideways": along(heading[0] + 1, 0, 1),
        "to_turn": (heading[2] - heading[1]) % HEADINGS,
        "ahead": along(heading[1], 1, 2),
        "aside": along(heading[1] + 1, 1, 2),
        "blocked": blocked.astype(jnp.int32),
        "facing": heading[1],
        "row": row[1],
        "column": column[1],
    }
