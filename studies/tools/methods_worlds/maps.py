"""A map that networks know from relations alone: probes of space, geometry, and prototype inputs.

Shape suffixes: P networks, N places, V tokens, E width of an embedding, Q questions.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.embedding.dimension import gaussian_like, intrinsic_dimension
from toylab.analysis.embedding.local import global_agreement, local_agreement
from toylab.analysis.embedding.transfer import linear_map, random_map, slope
from toylab.analysis.inputs.prototypes import Prototypes, from_the_mean, prototypes
from toylab.claims import Condition, Expect
from toylab.conditions import only, passage
from toylab.losses import ExpectedCrossEntropy
from toylab.members import zipped
from toylab.models import TokenMLP
from toylab.population import Population
from toylab.probes.places import held_out_by_block, r2_held_out, ridge_map, smooth_fields
from toylab.read import least, table
from toylab.read.networks import entries, networks
from toylab.runs.run_folder import RunFolder
from toylab.stats.ranks import auc
from toylab.taps import Edit, Params
from toylab.taps import run as run_model
from toylab.tasks.tools.places import WAYS, Places

from ..methods.settings import Config, population

WORLD = Places()
WIDTH, DECAY = 24, 1.0
SIZES: dict[str, Any] = {"length": 2, "hidden": (64,), "embed": WIDTH, "shared": True}
NET = TokenMLP(vocab=WORLD.vocab, n_out=WORLD.size, biases=True, **SIZES)
L2 = 1e-2  # of probes, as a share of the mean variance
FIELDS, NEIGHBOURS, MAPS = 200, 8, 16
DOSES = np.array([-1.0, -0.5, 0.5, 1.0])


def populations(config: Config) -> dict[str, Population]:
    """Two networks of each seed, and one without weight decay."""
    seeds = np.arange(config.seeds)
    first = np.concatenate([seeds, seeds + config.seeds, seeds])
    decay = np.repeat([DECAY, DECAY, 0.0], config.seeds)
    members = zipped(init_seed=first, data_seed=first, weight_decay=decay)
    more: dict[str, Any] = {"batch_size": 128, "loss": ExpectedCrossEntropy(WORLD)}
    more["snapshots"] = (0,)
    return {"places": population(config, NET, WORLD, members, 1_500, **more)}


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame]:
    """A row for each seed, of its first network unless a name says otherwise."""
    n = config.seeds
    part = lambda tree, i: jax.tree.map(lambda leaf: np.asarray(leaf)[i * n : (i + 1) * n], tree)
    end, start = run.params("places"), run.params("places", 0)
    own, other, plain = (part(end, i) for i in range(3))
    found = {"excess": excess(own), **moves(own), **hits(own, part(start, 0))}
    found |= carry(own, other["embed"])
    rows = []
    for i in range(n):
        e, e_other = own["embed"][i, : WORLD.size], other["embed"][i, : WORLD.size]
        row = space(e, part(start, 0)["embed"][i, : WORLD.size], i)
        row |= likeness(e, e_other, i) | unseen(own["embed"][i], plain["embed"][i])
        rows.append(row)
    columns = [pl.Series(name, value) for name, value in found.items()]
    members = networks(run, "places").head(n).drop("weight_decay")
    read_PN2 = np.stack([read_off(own["embed"][i, : WORLD.size]) for i in range(n)])
    told = entries(members, "place", east=read_PN2[..., 0], north=read_PN2[..., 1])
    return {"places": told, "maps": members.hstack(pl.DataFrame(rows)).with_columns(columns)}


@jax.jit
def answers(params_P: Params, tokens_Q2: Array, shift_PQ2E: Array) -> Array:
    """Chances (P, Q, N) of answers, with something added to the embeddings of each question."""

    def one(params: Params, shift_Q2E: Array) -> Array:
        logits, _ = run_model(NET, params, tokens_Q2, (), (Edit("embed", "add", shift_Q2E),))
        return jax.nn.softmax(logits)

    return jax.vmap(one)(params_P, shift_PQ2E)


def excess(params_P: Params) -> np.ndarray:
    """Cross-entropy above that of the best answers, in nats (P,)."""
    batch = WORLD.questions()
    none = jnp.zeros((len(params_P["embed"]), len(batch.inputs), 2, WIDTH))
    chances = np.asarray(answers(params_P, batch.inputs, none), float)
    true = np.asarray(WORLD.chances(batch), float)
    return -(true * np.log(np.maximum(chances, 1e-30))).sum(-1).mean(-1) - WORLD.bayes_loss()


def shifted(params_P: Params, vectors_PSE: np.ndarray) -> np.ndarray:
    """How far the mean answer to "near" moves for each place and vector added, (P, S, N, 2)."""
    p, s, _ = vectors_PSE.shape
    vectors_PSE = np.concatenate([0 * vectors_PSE[:, :1], vectors_PSE], 1)
    tokens = np.tile([[i, WORLD.size] for i in range(WORLD.size)], (s + 1, 1)).astype(np.int32)
    shift = np.zeros((p, s + 1, WORLD.size, 2, WIDTH), np.float32)
    shift[..., 0, :] = vectors_PSE[:, :, None]
    flat = shift.reshape(p, -1, 2, WIDTH)
    at = np.asarray(answers(params_P, tokens, flat), float) @ WORLD.map()
    at_PSN2 = at.reshape(p, s + 1, WORLD.size, 2)
    return at_PSN2[:, 1:] - at_PSN2[:, :1]


def moves(params_P: Params) -> dict[str, np.ndarray]:
    """Share of answers that go the way of a probe's direction, and of a random one as long."""
    e_PNE, y_N2 = params_P["embed"][:, : WORLD.size].astype(float), WORLD.map()
    vectors, rng = [], np.random.default_rng(0)
    for e_NE in e_PNE:
        sound = np.isfinite(e_NE).all()
        probe_E2 = ridge_map(e_NE, y_N2, L2) if sound else np.full((WIDTH, 2), np.nan)
        step_4E = WORLD.step * WAYS[1:] @ (np.linalg.pinv(probe_E2) if sound else probe_E2.T)
        drawn_4E = rng.normal(size=step_4E.shape)
        length_4 = np.linalg.norm(step_4E, axis=1) / np.linalg.norm(drawn_4E, axis=1)
        vectors.append([step_4E, drawn_4E * length_4[:, None]])
    vectors_PSE = np.array(vectors).reshape(len(e_PNE), -1, WIDTH)
    went_PSN2 = shifted(params_P, vectors_PSE).reshape(-1, 2, 4, WORLD.size, 2)
    right = (went_PSN2 @ WAYS[1:].T).argmax(-1) == np.arange(4)[:, None]
    aim_4N2 = y_N2 + WORLD.step * WAYS[1:, None]
    inside_4N = ((aim_4N2 > 0) & (aim_4N2 < WORLD.side)).all(-1)
    share = (right & inside_4N).sum((-1, -2)) / inside_4N.sum()
    share = np.where(np.isfinite(went_PSN2).all((-1, -2, -3)), share, np.nan)
    return {"turned": share[:, 0], "turned_random": share[:, 1]}


def read_off(x_ND: np.ndarray, y_NT: np.ndarray | None = None) -> np.ndarray:
    """Places, or other targets, that a probe reads in blocks that it has not seen."""
    y_NT = WORLD.map() if y_NT is None else y_NT
    return held_out_by_block(x_ND, y_NT, WORLD.blocks(), L2)


def space(e_NE: np.ndarray, start_NE: np.ndarray, seed: int) -> dict[str, float]:
    """R2 of a probe of places on blocks left out, and what it is compared with."""
    y_N2 = WORLD.map()
    order = np.random.default_rng(seed).permutation(WORLD.size)
    fields = smooth_fields(y_N2, 2 * FIELDS, seed)
    score = lambda x, y: r2_held_out(read_off(x, y), y, 2)
    null = score(e_NE, fields)
    sound = np.isfinite(null).all()
    return {
        "r2": score(e_NE, y_N2)[0],
        "r2_shuffled": score(e_NE, y_N2[order])[0],
        "r2_untrained": score(start_NE, y_N2)[0],
        "r2_rows": score(WORLD.table()[:, 0], y_N2)[0],
        "r2_fields": np.quantile(null, 0.95) if sound else np.nan,
    }


def likeness(e_NE: np.ndarray, other_NE: np.ndarray, seed: int) -> dict[str, float]:
    """How alike two networks place the same places, with those of one shuffled; their dimension."""
    mixed = other_NE[np.random.default_rng(seed).permutation(WORLD.size)]
    dimension = lambda x: intrinsic_dimension(x, 2 * NEIGHBOURS).mean()
    return {
        "local": local_agreement(e_NE, other_NE, NEIGHBOURS),
        "local_shuffled": local_agreement(e_NE, mixed, NEIGHBOURS),
        "cosines": global_agreement(e_NE, other_NE),
        "cosines_shuffled": global_agreement(e_NE, mixed),
        "dimension": dimension(e_NE),
        "dimension_gaussian": dimension(gaussian_like(e_NE, seed)),
    }


def carry(params_P: Params, other_PVE: np.ndarray) -> dict[str, np.ndarray]:
    """Slope of what a vector of the other network does here, per slope of the own vector.

    The vectors go from the mean of the southern half to that of the northern. The map is fitted on
    half of the places, and the other's vector is taken on the rest.
    """
    north_N = WORLD.map()[:, 1] > WORLD.side / 2
    fit_N = np.arange(WORLD.size) % 2 == 0
    along = lambda e, rows: e[rows & north_N].mean(0) - e[rows & ~north_N].mean(0)
    vectors = []
    for i, e_VE in enumerate(params_P["embed"].astype(float)):
        e_NE, o_NE = e_VE[: WORLD.size], other_PVE[i, : WORLD.size].astype(float)
        a_EE, far_E = linear_map(o_NE[fit_N], e_NE[fit_N]), along(o_NE, ~fit_N)
        drawn = [far_E @ random_map(a_EE, seed) for seed in range(MAPS)]
        vectors.append([along(e_NE, fit_N), far_E @ a_EE, *drawn])
    dosed = np.array(vectors)[:, :, None] * DOSES[:, None]
    p, s = dosed.shape[:2]
    went = shifted(params_P, dosed.reshape(p, -1, WIDTH))[..., 1].mean(-1)
    slope_PS = slope(DOSES, went.reshape(p, s, len(DOSES)))
    ratio_PS = slope_PS[:, 1:] / slope_PS[:, :1]
    return {"carried": ratio_PS[:, 0], "carried_random": ratio_PS[:, 1:].mean(1)}


def unseen(e_VE: np.ndarray, plain_VE: np.ndarray) -> dict[str, float | None]:
    """How well the distance from the mean tells tokens never seen, with decay and without."""
    used = np.arange(len(e_VE))
    tokens = np.concatenate([used[: WORLD.size], used[-WORLD.unseen :]])
    score = lambda e: auc(-from_the_mean(e[tokens]), tokens >= WORLD.size)
    found = {"unseen": e_VE, "unseen_plain": plain_VE}
    return {n: score(e) if np.isfinite(e).all() else np.nan for n, e in found.items()}


def hits(params_P: Params, start_P: Params) -> dict[str, np.ndarray]:
    """Share of places whose prototype lies nearest the place that is best."""
    best_T = WORLD.table()[:, 0].argmax(0)[::2]
    found = {"hits": prototype_inputs(params_P), "hits_untrained": prototype_inputs(start_P)}
    finite_P = np.isfinite(params_P["embed"]).all((1, 2))
    share = lambda found: (np.asarray(found.tokens) == best_T).mean(-1)
    return {name: np.where(finite_P, share(proto), np.nan) for name, proto in found.items()}


@jax.jit
def prototype_inputs(params_P: Params) -> Prototypes:
    """For every second place, an embedding of which it is the answer to "near"."""
    every = jnp.arange(WORLD.size)

    def one(params: Params) -> Prototypes:
        def score(e_E: Array) -> Array:
            shift = jnp.stack([e_E - params["embed"][0], jnp.zeros(WIDTH)])[None]
            asked = jnp.array([[0, WORLD.size]], jnp.int32)
            return jax.nn.log_softmax(
                run_model(NET, params, asked, (), (Edit("embed", "add", shift),))[0][0]
            )

        return prototypes(
            score, params["embed"][: WORLD.size], every[::2], every[::25], 1.0, 64, 0.1
        )

    return jax.vmap(one)(params_P)


of = table("maps").value
KNOWS = Condition("answers are the best, to a tenth of a nat", of("excess"), Expect.below(0.1))
gurnee = passage("Gurnee and Tegmark 2023 (2310.02207), section 3", requires=(KNOWS,))
lee = passage("Lee et al. 2025 (2503.21073)", requires=(KNOWS,))
rumbelow = passage("Rumbelow and Watkins 2023 (SolidGoldMagikarp)", requires=(KNOWS,))
CLAIMS = (
    gurnee(
        "places_are_read_off",
        "Space: a linear probe reads places in a block of the map that it has not seen (R2).",
        of("r2"),
        Expect.above(0.6),
        bar="ours: 0.6, most of the variance",
        control=(
            Condition("shuffled: nothing", of("r2_shuffled"), Expect.below(0)),
            Condition("before training: nothing", of("r2_untrained"), Expect.below(0)),
            Condition("smooth random fields: less than that", of("r2_fields"), Expect.below(0.6)),
        ),
        headline=True,
    ),
    gurnee(
        "more_than_smoothness",
        "Places are read better than 95 of 100 pairs of random fields that are as smooth.",
        of("r2") - of("r2_fields"),
        Expect.above(0),
        bar="control: the 95% quantile of smooth random fields",
    ),
    gurnee(
        "directions_of_space_are_used",
        "Moved a step along the probe's direction, eight of ten answers go that way, of four.",
        of("turned"),
        Expect.above(0.8),
        bar="ours: eight of ten; a guess has a quarter",
        control=only("as far at random: half", of("turned_random"), Expect.below(0.5)),
    ),
    lee(
        "neighbours_make_up_alike",
        "Geometry: a place is made up of its neighbours alike in two networks (cosine of LLE "
        "weights).",
        of("local"),
        Expect.above(0.5),
        bar="ours: half of the same",
        control=(
            Condition("shuffled: nothing", of("local_shuffled"), Expect.near(0, 0.05)),
            Condition("all cosines correlate, too", of("cosines"), Expect.above(0.5)),
        ),
    ),
    lee(
        "dimension_below_a_gaussian",
        "Neighbours lie in fewer dimensions than in a Gaussian of the same spectrum.",
        of("dimension") / of("dimension_gaussian"),
        Expect.below(1),
        bar="control: a Gaussian with the same spectrum and as many neighbours",
    ),
    lee(
        "vectors_cross_networks",
        "A linear map carries a direction from one network to another: it moves answers by half as "
        "much as the network's own.",
        of("carried"),
        Expect.above(0.5),
        bar="ours: half",
        control=only("random maps: nothing, to a tenth", of("carried_random"), Expect.near(0, 0.1)),
    ),
    rumbelow(
        "unseen_tokens_lie_at_the_mean",
        "Prototypes: tokens never seen lie nearest the mean embedding, with weight decay and "
        "without (the lower AUC).",
        least(of("unseen"), of("unseen_plain")),
        Expect.above(0.95),
        bar="ours: 0.95; of tokens that training does not single out the AUC is 0.5",
    ),
    rumbelow(
        "prototypes_find_the_place",
        "The embedding optimised for an answer lies nearest the place that has it most, in eight "
        "of ten.",
        of("hits"),
        Expect.above(0.8),
        bar="ours: eight of ten; a guess has 1/100",
        control=only("before training: one in ten", of("hits_untrained"), Expect.below(0.1)),
    ),
)
