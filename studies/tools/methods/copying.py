"""One head's queries and keys in one space, and what an earlier head tells it: induction.

Shape suffixes: P networks, B sequences, L queries, M keys, K head dim, D width.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array
from scipy.stats import special_ortho_group

from toylab.analysis.attention_lags import attention_after_copies, attention_by_lag
from toylab.analysis.circuits import ov_circuit, qk_circuit
from toylab.analysis.circuits.communication import communication, components, rotation_null
from toylab.analysis.circuits.joint import joint_embedding, mirrored
from toylab.analysis.repeated_tokens import repeated
from toylab.claims import Condition, Expect
from toylab.conditions import only, passage
from toylab.members import seeds
from toylab.models import Transformer
from toylab.models.attention import rotate
from toylab.population import Population
from toylab.read import greatest, table
from toylab.read.networks import networks
from toylab.runs.run_folder import RunFolder
from toylab.taps import Params
from toylab.taps import run as run_model
from toylab.tasks.in_context.repeats import Repeats

from .settings import Config, by_network, population

# The lead closes recency as a way round induction, which rotary positions then find soon.
WORLD = Repeats(n_tokens=20, length=24, shortest=4, longest=12, lead=4)
NET = Transformer(WORLD.n_tokens, WORLD.length, 32, 2, 2, norm="layer", positions="rope")
PERIOD, DRAWS, APART = 10, 1_000, 3.0
GRID = 2.0 ** np.linspace(-3, 3, 49)  # scales, in units of the closed form's
CUT = NET.key_dim // 4  # components
AT = tuple(f"at_{i}" for i in range(len(GRID)))
JOINT = ("nearest", "rotated", "chance", "closed", "best", "unscaled", *AT)
MOST = NET.key_dim // 2
CUTS = [f"{how}_{n}" for how in ("top", "drawn") for n in range(MOST + 1)]
TALK = ("z_k", "z_q", "z_v", *CUTS)


def populations(config: Config) -> dict[str, Population]:
    """Networks of two layers that copy."""
    return {"copies": population(config, NET, WORLD, seeds(config.seeds), 6_000)}


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame]:
    """Joint embeddings of the induction head, and what the head before it tells it."""
    params_P, members = run.params("copies"), networks(run, "copies")
    tokens = repeated(WORLD.n_tokens, PERIOD, config.samples, seed=79)
    acts = [np.asarray(x, float) for x in _looks(params_P, jnp.asarray(tokens))]
    pairs = [induction(earlier, own, tokens) for earlier, own in zip(acts[0], acts[1], strict=True)]
    column = lambda name: pl.Series(name, [float(getattr(pair, name)) for pair in pairs])
    members = members.with_columns(map(column, ("back", "score", "after")))
    own = lambda i: jax.tree.map(lambda leaf: np.asarray(leaf)[i], params_P)
    at = lambda i: (*(x[i] for x in acts[1:]), pairs[i].second)
    return {
        "joint": by_network(members, JOINT, lambda i: joint(*at(i))),
        "talk": by_network(members, TALK, lambda i: talk(own(i), tokens, pairs[i])),
    }


@jax.jit
@functools.partial(jax.vmap, in_axes=(0, None))
def _looks(params: Params, tokens_BL: Array) -> tuple[Array, ...]:
    """Attention of both blocks; queries and keys of the second, rotated as they meet."""
    names = ("blocks/0/attn/pattern", *(f"blocks/1/attn/{x}" for x in ("pattern", "q", "k")))
    acts = run_model(NET, params, tokens_BL, names)[1]
    earlier, own, q, k = (acts[name] for name in names)
    return earlier, own, rotate(q), rotate(k)


class Induction(NamedTuple):
    """A head that looks ``after`` places after copies, and one before it that looks as far back.

    Most look one place after a copy; but tokens 4 and 3 back serve as well where no period is
    shorter: to match, and for what followed. ``score`` and ``back`` are their attention there.
    """

    first: int
    second: int
    after: int
    score: float
    back: float


def induction(earlier_BHLM: np.ndarray, own_BHLM: np.ndarray, tokens_BL: np.ndarray) -> Induction:
    """Find the heads of most such attention."""
    share_HT = attention_after_copies(own_BHLM, tokens_BL, PERIOD - 1)[0][:, 1:]
    second, before = np.unravel_index(share_HT.argmax(), share_HT.shape)
    after = int(before) + 1
    back_H = attention_by_lag(earlier_BHLM.mean(0))[:, after]
    return Induction(int(back_H.argmax()), int(second), after, share_HT.max(), back_H.max())


def joint(
    a_BHLM: np.ndarray, q_BLHK: np.ndarray, k_BLHK: np.ndarray, head: int
) -> dict[str, float]:
    """How well distance mirrors attention, queries made longer and keys shorter by a factor."""
    q_BLK, k_BMK = APART * q_BLHK[:, PERIOD:, head], k_BLHK[:, :, head] / APART
    most_BL = a_BHLM[:, head, PERIOD:].argmax(-1)
    flat = lambda x: x.reshape(-1, x.shape[-1])
    place = lambda how, k=k_BMK: joint_embedding(flat(q_BLK), flat(k), how)
    turn_KK = special_ortho_group.rvs(k_BMK.shape[-1], random_state=0)
    visible_LM = np.tril(np.ones((2 * PERIOD, 2 * PERIOD), bool))[PERIOD:]
    score_BLM = np.einsum("blk,bmk->blm", q_BLK, k_BMK)
    closed = place("correlation")
    fit = lambda c: mirrored(place(c), score_BLM, visible_LM)
    curve = [fit(closed.scale * c) for c in GRID]
    nearest = lambda found: np.where(visible_LM, found.within(len(q_BLK)), np.inf).argmin(-1)
    return {
        "nearest": (nearest(closed) == most_BL).mean(),
        "rotated": (nearest(place("correlation", k_BMK @ turn_KK)) == most_BL).mean(),
        "chance": (1 / visible_LM.sum(-1)).mean(),
        "closed": fit(closed.scale),
        "best": max(curve),
        "unscaled": fit(1.0),
        **dict(zip(AT, curve, strict=True)),
    }


def talk(params: Params, tokens: np.ndarray, pair: Induction) -> dict[str, float]:
    """How far reading stands out in keys, and what cutting what is read takes away."""
    writer_DD = np.asarray(ov_circuit(NET, params, 0)[pair.first])
    away = PERIOD - pair.after  # from a query to the place that it looks at
    query_DD = np.asarray(qk_circuit(NET, params, 1, distance=away)[pair.second])
    value_DD = np.asarray(ov_circuit(NET, params, 1)[pair.second])
    z = []
    for reader_DD in (query_DD.T, query_DD, value_DD):
        null = rotation_null(writer_DD, reader_DD, DRAWS)
        z.append((communication(writer_DD, reader_DD) - null.mean()) / null.std())
    told = components(writer_DD, query_DD.T).written
    drawn = special_ortho_group.rvs(NET.width, random_state=1)
    cuts = [basis[:n] for basis in (told, drawn) for n in range(MOST + 1)]
    kept = induction_after(params, cuts, tokens, pair)
    return dict(zip(TALK, (*z, *kept), strict=True))


def induction_after(
    params: Params, cuts: list[np.ndarray], tokens: np.ndarray, pair: Induction
) -> np.ndarray:
    """Share of the induction score that is left when the first head cannot write directions."""
    many = jax.tree.map(lambda leaf: np.repeat(leaf[None], len(cuts), 0), params)
    written = many["blocks"]["0"]["attn"]["w_o"][:, pair.first]
    for w_KD, cut_ND in zip(written, cuts, strict=True):
        w_KD -= w_KD @ cut_ND.T @ cut_ND
    pattern_NBHLM = np.asarray(_looks(many, jnp.asarray(tokens))[1])
    scores = [attention_after_copies(own, tokens, pair.after)[0] for own in pattern_NBHLM]
    score_N = np.array(scores)[:, pair.second, pair.after]
    return score_N / score_N[0]


EMBEDDED, TALK_ROWS = table("joint"), table("talk")
COPIES = Condition(
    "an induction head looks a fixed number of places after copies, three times as much as evenly",
    EMBEDDED.value("score") / EMBEDDED.value("chance"),
    Expect.above(3),
)
yeh = passage("Yeh et al. 2023 (2305.03210), section 4", requires=(COPIES,))
merullo = passage("Merullo et al. 2024 (2406.09519)", requires=(COPIES,))
CLAIMS = (
    yeh(
        "joint_space_shows_attention",
        "Joint embedding: an induction head's query has the key that it attends to most as its "
        "nearest in nine of ten cases.",
        EMBEDDED.value("nearest"),
        Expect.above(0.9),
        bar="ours: nine of ten",
        control=only(
            "not so with keys turned at random: a tenth above chance",
            EMBEDDED.value("rotated") - EMBEDDED.value("chance"),
            Expect.below(0.1),
        ),
    ),
    yeh(
        "scale_in_closed_form",
        "The closed form of the scale is as good as the best of 49 by correlation of distance and "
        "score, to a twentieth, with queries made three times as long and keys a third.",
        EMBEDDED.value("closed") / EMBEDDED.value("best"),
        Expect.above(0.95),
        bar="theory: c^8 = Var[k.k] / Var[q.q], exact if lengths say nothing of scores",
        control=only(
            "unscaled it is a fifth worse",
            EMBEDDED.value("unscaled") / EMBEDDED.value("best"),
            Expect.below(0.8),
        ),
    ),
    merullo(
        "communication_finds_the_pair",
        "Communication: what the head before it writes, which looks back, is read by the induction "
        "head's keys, five standard deviations more than under random rotations.",
        TALK_ROWS.value("z_k"),
        Expect.above(5),
        bar="theory: rotations give 1/sqrt(D) in the square mean; five of their deviations",
        control=only(
            "in queries and values it is not, to three",
            greatest(TALK_ROWS.value("z_q"), TALK_ROWS.value("z_v")),
            Expect.below(3),
        ),
    ),
    merullo(
        "few_components_carry_it",
        "A quarter of that head's singular components, those that carry most to the keys, carry "
        "half of the induction score: without them it is lost.",
        1 - TALK_ROWS.value(f"top_{CUT}"),
        Expect.above(0.5),
        bar="ours: half by a quarter; even shares would give a quarter",
        control=only(
            "as many random directions take no more than their share of the stream, 4/32",
            1 - TALK_ROWS.value(f"drawn_{CUT}"),
            Expect.below(CUT / NET.width),
        ),
    ),
)
