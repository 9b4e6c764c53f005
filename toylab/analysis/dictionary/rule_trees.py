"""Regression trees on yes-or-no features, one per target, grown for many targets at once.

A tree asks at most ``depth`` questions about the features and answers with the mean target of the
training rows that came the same way: the rule, read off its paths, that a neuron might follow.
Growth is greedy, as in CART: at every node, the question that lowers the squared error most.

Source: Breiman et al. 1984, Classification and Regression Trees; its use on the neurons of a
network that plays Othello: Singh et al. 2025 (arXiv:2511.00059), R^2 > 0.7 for a rule-like neuron.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from toylab.errors import ToylabError, check_number

RULE_LIKE = 0.7  # R^2 from which a neuron counts as rule-like (Singh et al. 2025)
ROUNDING = 1e-5  # of sums in float32
CHUNK = 16  # targets grown together: memory is N * CHUNK * 2**depth numbers


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class RuleTrees:
    """One tree per target; node i has the children 2 i + 1 (no) and 2 i + 2 (yes).

    Attributes:
        question: feature asked at each inner node (T, 2**depth - 1), -1 where the node is a leaf
            already (all rows then take the branch "no").
        value: mean target at each of the 2**depth ends, (T, 2**depth); 0 at ends with no rows.
    """

    question: Array
    value: Array

    @property
    def depth(self) -> int:
        """Most questions on a path."""
        return int(np.log2(self.value.shape[-1]))

    def predict(self, features: Bool[Array, "N M"]) -> Float[Array, "N T"]:
        """Return each tree's answer to each row."""
        return _predict(self, jnp.asarray(features))

    def r2(self, features: Bool[Array, "N M"], targets: Float[Array, "N T"]) -> Float[Array, " T"]:
        """Return ``1 - sum (y - tree)^2 / sum (y - mean y)^2`` per target; NaN if constant."""
        return _r2(self.predict(features), jnp.asarray(targets, jnp.float32))


def grow(
    features: Bool[Array, "N M"], targets: Float[Array, "N T"], depth: int = 6, least: int = 10
) -> RuleTrees:
    """Grow a regression tree for each target.

    A question q splits a node's rows in two, and lowers its squared error by
    ``s_yes^2 / n_yes + s_no^2 / n_no - s^2 / n`` with n rows and sums s of targets.

    Args:
        features: yes or no per row, (N, M).
        targets: (N, T), each shifted to mean 0 for the arithmetic.
        depth: most questions on a path.
        least: fewest rows on either side of a question.

    Returns:
        The trees; score them on other rows, as a deep tree remembers noise.

    Raises:
        ToylabError: features that are not booleans (N, M), targets that are not (N, T).

    Example:
        >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], bool)
        >>> y = (x[:, :1] & x[:, 1:]).astype(np.float32)
        >>> grow(x, y, depth=2, least=1).predict(x)[:, 0].tolist()
        [0.0, 0.0, 0.0, 1.0]
    """
    features, targets = jnp.asarray(features), jnp.asarray(targets, jnp.float32)
    if features.ndim != 2 or features.dtype != np.bool_ or not features.shape[0]:
        raise ToylabError(
            f"grow: features are {features.dtype} {features.shape}; give booleans (N, M)."
        )
    if targets.ndim != 2 or len(targets) != len(features):
        raise ToylabError(f"grow: targets {targets.shape}; give ({len(features)}, T).")
    check_number("grow", "depth", depth, 1, 12, whole=True)
    check_number("grow", "least", least, 1, whole=True)
    return _grow(features, targets, jnp.float32(least), depth)


@functools.partial(jax.jit, static_argnames=("depth",))
def _grow(features_NM: Array, targets_NT: Array, least: Array, depth: int) -> RuleTrees:
    n, t = targets_NT.shape
    chunk = min(CHUNK, t)
    padded = jnp.pad(targets_NT, ((0, 0), (0, -t % chunk)))
    chunks_XNC = jnp.moveaxis(padded.reshape(n, -1, chunk), 1, 0)
    grow = lambda y_NC: _grow_chunk(features_NM, y_NC, least, depth)
    trees = jax.lax.map(grow, chunks_XNC)
    return jax.tree.map(lambda leaf: leaf.reshape(-1, leaf.shape[-1])[:t], trees)


def _grow_chunk(features_NM: Array, y_NC: Array, least: Array, depth: int) -> RuleTrees:
    # Sums of squares of large means would drown the gains.
    mean_C = jnp.mean(y_NC, 0)
    y_NC = y_NC - mean_C[None]
    x_MN = features_NM.T.astype(jnp.float32)
    node_NC = jnp.zeros(y_NC.shape, jnp.int32)
    questions = []
    for level in range(depth):
        sums, counts = _sums(x_MN, y_NC, node_NC, 2**level)
        question_CQ = _best(sums, counts, least)
        questions.append(question_CQ)
        node_NC = _descend(features_NM, node_NC, question_CQ)
    at_NCQ = jax.nn.one_hot(node_NC, 2**depth, dtype=jnp.float32)
    count_CQ = jnp.sum(at_NCQ, 0)
    value_CQ = jnp.einsum("nc,ncq->cq", y_NC, at_NCQ) / jnp.maximum(count_CQ, 1)
    value_CQ = jnp.where(count_CQ > 0, value_CQ + mean_C[:, None], 0.0)
    return RuleTrees(jnp.concatenate(questions, 1), value_CQ)


def _sums(x_MN: Array, y_NC: Array, node_NC: Array, nodes: int) -> tuple[Array, Array]:
    """Sums of targets and counts of rows at each node (1 + M, C, Q): of all rows, of each yes."""
    at_NCQ = jax.nn.one_hot(node_NC, nodes, dtype=jnp.float32)
    all_and_each = jnp.concatenate([jnp.ones((1, x_MN.shape[1]), jnp.float32), x_MN])
    total = lambda values_NCQ: jnp.tensordot(all_and_each, values_NCQ, 1)
    return total(y_NC[..., None] * at_NCQ), total(at_NCQ)


def _best(sums: Array, counts: Array, least: Array) -> Array:
    """The question (C, Q) that gains most at each node, -1 where none may be asked."""
    sum_yes, count_yes = sums[1:], counts[1:]
    sum_no, count_no = sums[:1] - sum_yes, counts[:1] - count_yes
    part = lambda s, n: s**2 / jnp.maximum(n, 1)
    told = part(sum_yes, count_yes) + part(sum_no, count_no)
    gain = told - part(sums[:1], counts[:1])
    # Where all targets are alike a question gains nothing but rounding.
    allowed = (count_yes >= least) & (count_no >= least) & (gain > ROUNDING * told)
    best_CQ = jnp.argmax(jnp.where(allowed, gain, -jnp.inf), 0)
    return jnp.where(allowed.any(0), best_CQ, -1).astype(jnp.int32)


def _descend(features_NM: Array, node_NC: Array, question_CQ: Array) -> Array:
    """Take every row one level down: node q of a level leads to 2 q (no) and 2 q + 1 (yes)."""
    asked_NC = _look_up(question_CQ, node_NC)
    yes_NC = jax.vmap(lambda row_M, asked_C: row_M[asked_C])(features_NM, jnp.maximum(asked_NC, 0))
    yes_NC = yes_NC & (asked_NC >= 0)
    return 2 * node_NC + yes_NC.astype(jnp.int32)


def _look_up(table_CQ: Array, place_NC: Array) -> Array:
    """Entry ``place`` of each column's own table; take_along_axis would fold a huge constant."""
    return jax.vmap(lambda table_Q, place_N: table_Q[place_N], (0, 1), 1)(table_CQ, place_NC)


@jax.jit
def _predict(trees: RuleTrees, features_NM: Array) -> Array:
    node_NT = jnp.zeros((len(features_NM), len(trees.value)), jnp.int32)
    for level in range(trees.depth):
        start = 2**level - 1
        node_NT = _descend(features_NM, node_NT, trees.question[:, start : 2 * start + 1])
    return _look_up(trees.value, node_NT)


@jax.jit
def _r2(told_NT: Array, y_NT: Array) -> Array:
    error_T = jnp.sum((y_NT - told_NT) ** 2, 0)
    spread_T = jnp.sum((y_NT - jnp.mean(y_NT, 0, keepdims=True)) ** 2, 0)
    varies_T = jnp.ptp(y_NT, 0) > 0  # rounding leaves a constant some spread
    return jnp.where(varies_T, 1 - error_T / jnp.where(varies_T, spread_T, 1.0), jnp.nan)
