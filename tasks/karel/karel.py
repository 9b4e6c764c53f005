"""Karel: programs from examples of what they do, in a pocket grid world.

Source: Jin and Rinard 2024 (arXiv:2305.11169), with their code. There the grid is 8 by 8 with inner
walls and markers, and a program follows five examples, one token a cell; here the grid is open, a
state is one token and programs are so short that all of them can be listed.

Shape suffixes: M examples, T actions, L tokens.
"""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Task

from .grid import ACTIONS, LEFT, MOVE, RIGHT, n_states, transitions, views
from .programs import END, WEIGHTS, Programs

LISTED = 200_000  # most examples that are listed


@dataclasses.dataclass(frozen=True)
class Karel(Task):
    """Write the program that turns every start into its end.

    A sequence is ``start, end`` for each example, CODE, then the program's actions and END, which
    goes on to fill it. Tokens are the states, then CODE, move, left, right, END. A target is the
    next token; those from CODE on weigh 1, END after END too, so that a sequence's mean loss is the
    program's summed loss over ``longest + 1``. Starts are uniform.

    Latents are of the first example, after 0 to ``longest`` actions (T + 1,): see
    :func:`toylab.tasks.karel.grid.views`; and ``length`` ().

    Args:
        size: cells along a side.
        examples: start and end pairs M before a program.
        longest: most actions of a program.
        shortest: fewest.

    Raises:
        ToylabError: a grid of fewer than two cells a side, no examples, programs without actions.

    Example:
        >>> Karel().example(jax.random.key(0)).inputs.shape
        (11,)
    """

    size: int = 4
    examples: int = 2
    longest: int = 6
    shortest: int = 1

    def __post_init__(self) -> None:
        check_number("Karel", "size", self.size, low=2, high=20, whole=True)
        check_number("Karel", "examples", self.examples, low=1, high=20, whole=True)
        _ = self.programs

    @property
    def programs(self) -> Programs:
        """All programs that may be asked for."""
        return Programs(self.shortest, self.longest)

    @property
    def code(self) -> int:
        """The token CODE, which is the number of states; the actions and END follow it."""
        return n_states(self.size)

    @property
    def vocab(self) -> int:
        """Number of tokens."""
        return self.code + 1 + len(ACTIONS) + 1

    @property
    def prompt(self) -> int:
        """Tokens before the first action, CODE included."""
        return 2 * self.examples + 1

    @property
    def length(self) -> int:
        """Number L of input tokens."""
        return self.prompt + self.longest

    @property
    def words(self) -> tuple[str, ...]:
        """Every token in words; a state as row, column and heading, as "01>"."""
        cells = itertools.product(range(self.size), range(self.size), "^>v<")
        return (*("".join(map(str, cell)) for cell in cells), "CODE", *ACTIONS, "END")

    def example(self, key: Array) -> Batch:
        """Draw one program with its examples."""
        u = random.once(random.uniform(key, (1 + self.examples + self.longest,)))
        length = self.shortest + random.pick(u[0], jnp.int32(self.longest - self.shortest + 1))
        u_T, edges = u[1 + self.examples :], np.cumsum(WEIGHTS)
        action_T = jnp.where(u_T < edges[0], MOVE, jnp.where(u_T < edges[1], LEFT, RIGHT))
        action_T = jnp.where(jnp.arange(self.longest) < length, action_T, END).astype(jnp.int32)
        start_M = random.pick(u[1 : 1 + self.examples], jnp.int32(self.code))
        return self.arrange(start_M, action_T)

    def arrange(self, start_M: Int[Array, " M"], action_T: Int[Array, " T"]) -> Batch:
        """Return the sequence of a program, with END after its last action, and some starts."""
        state_TM = self.execute(start_M, action_T)
        pair_E = jnp.stack([start_M, state_TM[-1]], 1).reshape(-1)
        program_T = self.code + 1 + action_T
        code = jnp.full(1, self.code, jnp.int32)
        inputs = jnp.concatenate([pair_E, code, program_T]).astype(jnp.int32)
        targets = jnp.append(inputs[1:], self.vocab - 1).astype(jnp.int32)
        weights = (jnp.arange(self.length) >= self.prompt - 1).astype(jnp.float32)
        latents = views(start_M[0], state_TM[:, 0], state_TM[-1, 0], self.size)
        length = jnp.sum(action_T < END, dtype=jnp.int32)
        return Batch(inputs, targets, weights, latents | {"length": length})

    def execute(self, start_M: Int[Array, " M"], action_T: Int[Array, " T"]) -> Array:
        """Return the states after 0 to T actions, (T + 1, M); they stay after END."""
        stay = np.arange(self.code, dtype=np.int32)
        table = jnp.asarray(np.concatenate([transitions(self.size), stay[None]]))
        states = [start_M.astype(jnp.int32)]
        for t in range(self.longest):
            states.append(table[action_T[t], states[-1]])
        return jnp.stack(states)

    def read(
        self, tokens_BT: Int[np.ndarray, "B T"]
    ) -> tuple[Int[np.ndarray, "B T"], Bool[np.ndarray, " B"]]:
        """Return programs that were written, ended by END, and whether each is one.

        A text is no program if something other than an action stands before its END, if no action
        does, or if it has no END within ``longest + 1`` tokens.

        Args:
            tokens_BT: tokens after CODE, ``longest + 1`` of them; after END any.
        """
        symbol = np.asarray(tokens_BT) - self.code - 1
        ended = np.cumsum(symbol == END, 1) > 0
        sound = ((symbol >= 0) & (symbol < END)) | ended
        parsed = ended[:, -1] & sound.all(1) & ~ended[:, 0]
        actions = np.where(ended | ~sound, END, symbol)
        return actions[:, : self.longest].astype(np.int32), parsed

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the program turns every start into its end, and the latents are the first's."""
        x_BL, y_BL = np.asarray(batch.inputs), np.asarray(batch.targets)
        end_B1 = np.full((len(x_BL), 1), self.vocab - 1)
        action_BT, parsed = self.read(np.concatenate([x_BL[:, self.prompt :], end_B1], 1))
        table = np.concatenate([transitions(self.size), np.arange(self.code)[None]])
        agree = [parsed, x_BL[:, self.prompt - 1] == self.code]
        agree.append((y_BL == np.concatenate([x_BL[:, 1:], end_B1], 1)).all(1))
        length = (action_BT < END).sum(1)
        agree += [length >= self.shortest, length == np.asarray(batch.latents["length"])]
        states = []
        for m in range(self.examples):
            state = [x_BL[:, 2 * m]]
            for action_B in action_BT.T:
                state.append(table[action_B, state[-1]])
            agree.append(state[-1] == x_BL[:, 2 * m + 1])
            states.append(np.stack(state, 1))
        ends = (states[0][:, :1], states[0], states[0][:, -1:])
        seen = jax.jit(views, static_argnums=3)(*(x.astype(np.int32) for x in ends), self.size)
        agree += [(np.asarray(seen[n]) == np.asarray(batch.latents[n])).all(1) for n in seen]
        return np.all(agree, 0)

    def enumerate(self) -> Batch | None:
        """Every program with every starts, where they are not too many."""
        action_NT = self.programs.actions
        if len(action_NT) * self.code**self.examples > LISTED:
            return None
        starts = itertools.product(range(self.code), repeat=self.examples)
        start_SM = np.array(list(starts), np.int32)
        both = np.tile(start_SM, (len(action_NT), 1)), np.repeat(action_NT, len(start_SM), 0)
        return jax.jit(jax.vmap(self.arrange))(*map(jnp.asarray, both))

    def bayes_loss(self) -> float | None:
        """Entropy of a program given its examples, over the positions of its symbols."""
        floor = self.programs.floor(self.size, self.examples)
        return None if floor is None else floor / (self.longest + 1)

    def uniform_loss(self) -> float:
        """The log of the number of tokens."""
        return math.log(self.vocab)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return Karel(), Karel(3, examples=1, longest=4, shortest=2), Karel(2, 3, 3)
