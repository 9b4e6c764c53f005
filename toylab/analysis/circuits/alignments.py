"""Distributed alignment search over a population: has a variable coordinates of its own?

Source: Geiger et al. 2023 (2303.02536). The search itself is in
:mod:`toylab.analysis.steering.alignment`. Its accuracy is of pairs that it has not seen, and stands
beside coordinates of a random rotation, as many, and beside all of them at once. Coordinates that
slant leak some of *any* variable into what later layers read, so search for a wrong one too.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from toylab.analysis.circuits.given.pairs import checked_pair
from toylab.analysis.circuits.metrics import check_answers
from toylab.analysis.steering.alignment import align, interchange, random_rotation
from toylab.errors import ToylabError, check_number
from toylab.random import fold_in
from toylab.taps import Edit, Model, Params, run, site_hint
from toylab.trees import drawn_shapes, each_member, leading


class Aligned(NamedTuple):
    """Share of held-out pairs with the answer of the causal model after an interchange.

    Attributes:
        fitted: of the coordinates that the search found, (...).
        random: of as many coordinates of the rotation that it began with, (...).
        everything: of the whole activation, (...).
        untouched: without an interchange, (...).
        rotation: R, whose first rows are the coordinates, (..., D, D).
        losses: at every step of the search, (..., S).
    """

    fitted: Float[Array, "*lead"]
    random: Float[Array, "*lead"]
    everything: Float[Array, "*lead"]
    untouched: Float[Array, "*lead"]
    rotation: Float[Array, "*lead D D"]
    losses: Float[Array, "*lead S"]


def alignment_search(
    model: Model,
    params: Params,
    site: str,
    base: Array,
    source: Array,
    answer: Int[Array, " N"],
    count: int,
    key: Array,
    *,
    position: int | None = None,
    held_out: float = 0.5,
    steps: int = 300,
    batch_size: int = 128,
    learning_rate: float = 1e-2,
) -> Aligned:
    """Look for coordinates that carry a variable: interchanging them interchanges the variable.

    Args:
        model: the model.
        params: of one member, a population, or a population at several snapshots.
        site: an activation (B, D), or (B, L, D) with a ``position``.
        base: inputs of the runs that go on, (N, ...).
        source: inputs of the runs that lend the variable, (N, ...).
        answer: what the causal model says of the base with the source's variable; where it says
            the same as without, an interchange proves nothing.
        count: number of coordinates.
        key: of the rotation at the start and of the batches; members share it.
        position: of the activation, and of the answer, in a sequence; -1 is the last.
        held_out: share of the pairs that judge.
        steps, batch_size, learning_rate: of the search, by Adam.

    Raises:
        ToylabError: an unknown site, pairs of different shapes or twice the same inputs, tokens
            outside of the vocabulary, answers that are not one logit per pair, more coordinates
            than the site has, or a sequence without a position.

    Example:
        >>> from toylab.models import MLP
        >>> model = MLP(sizes=(4, 6, 3))
        >>> x = jax.random.normal(jax.random.key(1), (20, 4))
        >>> params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 2))
        >>> answer = jnp.zeros(20, "int32")
        >>> search = (x, x[::-1], answer, 2, jax.random.key(2))
        >>> alignment_search(model, params, "layers/0/post", *search, steps=3).fitted.shape
        (2,)
    """
    owner = "alignment_search"
    if site not in model.sites:
        raise ToylabError(f"Unknown site {site!r}: {site_hint(site, model.sites)}")
    base, source = checked_pair(owner, model, base, source, ("base", "source"))
    check_number(owner, "held_out", held_out, above=0)
    judged = round(held_out * len(base))
    if not 0 < judged < len(base):
        raise ToylabError(f"{owner}: held_out = {held_out} leaves no pairs for one half.")
    logits, acts = jax.eval_shape(lambda p: run(model, p, base, (site,)), drawn_shapes(model))
    check_answers(owner, answer, len(base), logits.shape[-1])
    shape = acts[site].shape
    if len(shape) != 2 + (position is not None):
        raise ToylabError(
            f"{owner}: {site!r} is {shape[1:]} for one example; name a position where it "
            "has one, and only there."
        )
    if position is not None:
        check_number(owner, "position", position, -shape[1], shape[1] - 1, whole=True)
    check_number(owner, "count", count, 1, shape[-1], whole=True)
    search = (count, judged, position, steps, batch_size, float(learning_rate))
    about, lead = (model, site, search), leading(model, params)
    found = each_member(owner, _search, about, lead, params, base, source, jnp.asarray(answer), key)
    return Aligned(*found)


def _search(
    model: Model,
    site: str,
    search: tuple,
    params: Params,
    base: Array,
    source: Array,
    answer: Array,
    key: Array,
) -> tuple[Array, ...]:
    count, judged, position, steps, batch_size, learning_rate = search

    def answers(r_DD: Array, pair: tuple[Array, Array], count: int = count) -> Array:
        own, other = (run(model, params, x, (site,))[1][site] for x in pair)
        move = interchange(own, other, r_DD, count) - own
        if position is not None:
            here = jnp.arange(own.shape[1]) == position % own.shape[1]
            move = jnp.where(here[None, :, None], move, 0)
        logits, _ = run(model, params, pair[0], (), [Edit(site, "add", move)])
        return logits if logits.ndim == 2 else logits[:, position]

    width = jax.eval_shape(lambda: run(model, params, base[:1], (site,))[1][site]).shape[-1]
    start = random_rotation(fold_in(key, 0), width)
    seen = base[judged:], source[judged:]
    told = {"steps": steps, "batch_size": batch_size, "learning_rate": learning_rate}
    found = align(answers, seen, answer[judged:], start, fold_in(key, 1), **told)
    pair = base[:judged], source[:judged]

    def right(r_DD: Array, count: int) -> Array:
        logits = answers(r_DD, pair, count)
        share = (logits.argmax(-1) == answer[:judged]).mean()
        return jnp.where(jnp.isfinite(logits).all(), share, jnp.nan)

    cases = ((found.rotation, count), (start, count), (start, width), (start, 0))
    return (*(right(*case) for case in cases), found.rotation, found.losses)
