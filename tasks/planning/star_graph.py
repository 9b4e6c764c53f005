"""Star graphs: which of the arms from the centre ends at the goal?

Every later node of the path follows from the one before, the first needs the whole arm traced back
from the goal. Next-token training learns the later ones first, by looking up edges, and is then
often left guessing the first.

Source: Bachmann and Nagarajan 2024 (arXiv:2403.06963).
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int

from toylab.errors import check_number
from toylab.task import Batch, Number, Task

from .windows import check_ahead, weights_ahead, windows


@dataclasses.dataclass(frozen=True)
class StarGraph(Task):
    """Edges in random order, goal and centre, then the path: the next N tokens of each position.

    Arms start at the centre and have ``reach`` more nodes each; nodes are random labels. Edges are
    pairs (nearer, further). Positions before the centre have weight 0, and so have tokens past the
    path's end, where a token of its own stands. Tokens are labels, then that one.

    Latents: ``path`` (reach,), the nodes after the centre; ``edges`` (arms * reach, 2).

    Args:
        arms: arms of the star.
        reach: nodes of an arm.
        labels: labels that nodes are drawn from.
        ahead: N.
        decay: see :func:`toylab.tasks.planning.windows.weights_ahead`; may differ per member, as
            may ``horizon``.
        horizon: tokens ahead that have weight.

    Raises:
        ToylabError: a number out of range, or fewer labels than nodes.

    Example:
        >>> StarGraph().example(jax.random.key(0)).inputs.shape
        (16,)
    """

    arms: int = 2
    reach: int = 3
    labels: int = 10
    ahead: int = 1
    decay: Number = 1.0
    horizon: Number = 1_000

    def __post_init__(self) -> None:
        check_ahead("StarGraph", self.ahead, self.decay, self.horizon)
        check_number("StarGraph", "arms", self.arms, low=2, whole=True)
        check_number("StarGraph", "reach", self.reach, low=1, whole=True)
        nodes = 1 + self.arms * self.reach
        check_number("StarGraph", "labels", self.labels, low=nodes, whole=True)

    @property
    def vocab(self) -> int:
        """Number of tokens."""
        return self.labels + 1

    @property
    def prompt(self) -> int:
        """Tokens of the prompt: edges, goal and centre."""
        return 2 * self.arms * self.reach + 2

    @property
    def length(self) -> int:
        """Positions T: the prompt and the path but its last node."""
        return self.prompt + self.reach - 1

    def example(self, key: Array) -> Batch:
        """Draw one star."""
        k_nodes, k_edges, k_goal = jax.random.split(key, 3)
        count = self.arms * self.reach
        label = jax.random.permutation(k_nodes, self.labels)[: 1 + count].astype(jnp.int32)
        arm_AR = label[1:].reshape(self.arms, self.reach)
        from_AR = jnp.concatenate([jnp.full((self.arms, 1), label[0]), arm_AR[:, :-1]], 1)
        edges_E2 = jnp.stack([from_AR.ravel(), arm_AR.ravel()], 1)
        edges_E2 = jax.random.permutation(k_edges, edges_E2)
        path_R = arm_AR[jax.random.randint(k_goal, (), 0, self.arms)]
        ends = jnp.stack([path_R[-1], label[0]])
        past = jnp.full(self.ahead - 1, self.labels, jnp.int32)
        tokens_L = jnp.concatenate([edges_E2.ravel(), ends, path_R, past])
        place_TN = np.arange(self.length)[:, None] + 1 + np.arange(self.ahead)
        within_TN = (place_TN >= self.prompt) & (place_TN < self.prompt + self.reach)
        within_TN &= np.arange(self.length)[:, None] >= self.prompt - 1
        weights_N = weights_ahead(self.ahead, self.decay, self.horizon)
        weights_TN = weights_N[None] * within_TN.astype(np.float32)
        latents = {"path": path_R, "edges": edges_E2}
        return Batch(tokens_L[:-1], windows(tokens_L, self.ahead), weights_TN, latents)

    def solves(
        self, path_BR: Int[np.ndarray, "B R"], edges_BE2: Int[np.ndarray, "B E 2"], batch: Batch
    ) -> Bool[np.ndarray, " B"]:
        """Whether a path runs along edges, from the centre to the goal; any such path is right."""
        inputs = np.asarray(batch.inputs)
        at_B, goal_B = inputs[:, self.prompt - 1], inputs[:, self.prompt - 2]
        right_B = np.ones(len(inputs), bool)
        for node_B in np.asarray(path_BR).T:
            step_B2 = np.stack([at_B, node_B], 1)
            right_B &= (np.asarray(edges_BE2) == step_B2[:, None]).all(2).any(1)
            at_B = node_B
        return right_B & (at_B == goal_B)

    def consistent(self, batch: Batch) -> Any:
        """Whether the path solves the star whose edges, goal and centre the prompt shows."""
        inputs, edges = np.asarray(batch.inputs), np.asarray(batch.latents["edges"])
        path, n = np.asarray(batch.latents["path"]), self.prompt
        shown = (inputs[:, : n - 2].reshape(len(inputs), -1, 2) == edges).all((1, 2))
        said = (inputs[:, n : n + self.reach - 1] == path[:, :-1]).all(1)
        asked = np.asarray(batch.targets)[:, n - 1, 0] == path[:, 0]
        return shown & said & asked & self.solves(path, edges, batch)

    def bayes_loss(self) -> float:
        """0: the prompt decides the path."""
        return 0.0

    def uniform_loss(self) -> float:
        """The log of the number of tokens."""
        return math.log(self.vocab)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (StarGraph(), StarGraph(3, 2, 9, ahead=2, decay=0.5))
