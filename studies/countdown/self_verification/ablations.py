"""Ablating heads and neurons, and patching them between the attempts of a pair.

Heads are ablated at all places up to "(" unless a condition says otherwise, neurons at "(" alone,
as in the paper.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from toylab.analysis.head_choice import Head, random_others
from toylab.change import (
    NOTHING,
    Change,
    Target,
    head,
    neuron,
    patch,
    run_changes,
    stream,
    where,
    zero,
)
from toylab.change.kinds import Part
from toylab.models import Transformer
from toylab.stats.means import mean_or_nan
from toylab.taps import Params
from toylab.tasks.countdown.countdown_pairs import (
    PLACES,
    Rows,
    Signs,
    is_right,
    known,
    partners,
    signs,
)
from toylab.tasks.countdown.countdown_rules import Rules

from .passes import Read, Seen, look
from .scores import Heads
from .vectors import Vectors


class Output(NamedTuple):
    """What a changed network says, (R, L): as in :class:`Seen`."""

    top_RL: np.ndarray
    gap_RL: np.ndarray


class Bench(NamedTuple):
    """One network, the attempts it is tested on, and what it does when nothing is changed.

    ``known_RL`` is where steps end in "=" that hands which it learned from have too.
    """

    model: Transformer
    params: Params
    rows: Rows
    signs: Signs
    known_RL: np.ndarray
    base: Seen

    def run(self, changes: Iterable[Change]) -> list[Output]:
        """What the network says under each change of a grid, which is one compiled program."""
        read = Read(self.signs.ok, self.signs.no)
        tokens_RL = jnp.asarray(self.rows.tokens_RL)
        found = run_changes(self.model, self.params, tokens_RL, list(changes), read)
        return [Output(*pair) for pair in zip(*map(np.asarray, found), strict=True)]

    def targets(self, heads: Iterable[Head], *columns: int) -> list[tuple[int, Target]]:
        """Layers and the heads' outputs in them, at some of ``PLACES``, or at all."""
        layers = [(u, [h for v, h in heads if v == u]) for u in range(self.model.depth)]
        found = [(u, head(u, own)) for u, own in layers if own]
        if columns:
            found = [(u, where(t, self.at(*columns)[..., None, None])) for u, t in found]
        return found

    def without(self, heads: Iterable[Head], *columns: int) -> Change:
        """Heads set to zero at some of ``PLACES``, or at all places."""
        return sum((zero(target) for _, target in self.targets(heads, *columns)), NOTHING)

    def at(self, *columns: int) -> np.ndarray:
        """Which places are some of ``PLACES``, (R, L)."""
        place = np.arange(self.rows.tokens_RL.shape[1])[None, None]
        return (self.rows.place_R3[:, columns, None] == place).any(1)


def open_bench(model: Transformer, params: Params, rows: Rows, rules: Rules) -> Bench:
    """Run a network over attempts and keep what it does."""
    own = signs(rules)
    base = look(model, params, rows, own)
    return Bench(model, params, rows, own, known(rules, rows.tokens_RL), base)


def at_bracket(rows: Rows, values_RL: Any) -> np.ndarray:
    """Values at "(", (R,)."""
    return np.take_along_axis(np.asarray(values_RL), rows.place_R3[:, 2:], 1)[:, 0]


def outcome(bench: Bench, seen: Seen | Output) -> dict[str, float]:
    """What a change does.

    ``silenced``: share of right attempts, accepted before, that are not accepted; ``says_no`` of
    these, those refused; ``refused``: share of wrong attempts, refused before, that still are;
    ``arithmetic``: results as right as before; ``gap``: fall of ok minus no in right attempts.
    """
    right_R, signs = is_right(bench.rows) == 1, bench.signs
    both = (bench.base, seen)
    before_R, after_R = (at_bracket(bench.rows, s.top_RL) for s in both)
    gap_R, gap_after_R = (at_bracket(bench.rows, s.gap_RL) for s in both)
    accepted_R, refused_R = right_R & (before_R == signs.ok), ~right_R & (before_R == signs.no)
    results, results_after = (results_right(bench, s) for s in both)
    return {
        "silenced": mean_or_nan(after_R[accepted_R] != signs.ok),
        "says_no": mean_or_nan(after_R[accepted_R] == signs.no),
        "refused": mean_or_nan(after_R[refused_R] == signs.no),
        "arithmetic": results_after / results if results else float("nan"),
        "gap": float((gap_R - gap_after_R)[right_R].mean()),
    }


def results_right(bench: Bench, seen: Seen | Output) -> float:
    """Share of the results of known steps in the traces that the network predicts."""
    is_right_RL = np.asarray(seen.top_RL)[:, :-1] == bench.rows.tokens_RL[:, 1:]
    return float(np.float32(is_right_RL[bench.known_RL[:, :-1]].mean()))


def mean_outputs(bench: Bench, heads: Iterable[Head]) -> Change:
    """Heads set to their mean output over attempts and places."""
    length = bench.rows.tokens_RL.shape[1]
    real_RL = np.arange(length)[None] <= bench.rows.place_R3[:, 2:]
    mean_UHK = np.asarray(bench.base.z_URLHK)[:, real_RL].mean(1)
    parts = (Part(target, "set", mean_UHK[u]) for u, target in bench.targets(heads))
    return Change(tuple(parts))


def head_conditions(
    bench: Bench,
    heads: Heads,
    patched: list[Head],
    before: list[Head] | None,
    draws: int,
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """Outcomes without heads: the chosen, and their controls.

    Args:
        bench: the network.
        heads: its heads' scores.
        patched: heads that patching ranks highest, on pairs of other hands.
        before: heads chosen in the network that this one started from.
        draws: draws of random heads.
        rng: of these draws.
    """
    chosen, shape = heads.chosen, heads.diagonal_UH.shape
    aside = [(u, h) for u, h in np.ndindex(shape) if (u, h) not in heads.looking]
    previous = sorted(aside, key=lambda head: -heads.previous_UH[head])[: len(chosen)]
    conditions = [("chosen", bench.without(chosen)), ("previous", bench.without(previous))]
    if before is not None:
        conditions.append(("chosen before reward", bench.without(before)))
    conditions += [
        ("chosen, mean", mean_outputs(bench, chosen)),
        ("chosen, last two", bench.without(chosen, 1, 2)),
        ("patched, last two", bench.without(patched, 1, 2)),
    ]
    for _ in range(draws):
        conditions += random_conditions(bench, chosen, patched, rng)
    return _outcomes(bench, conditions)


def random_conditions(
    bench: Bench, chosen: list[Head], patched: list[Head], rng: np.random.Generator
) -> list[tuple[str, Change]]:
    """One draw of random heads to ablate: as many as are chosen, or as are patched."""
    shape = (bench.model.depth, bench.model.heads)
    like, like_patched = (random_others(group, shape, rng) for group in (chosen, patched))
    other, other_patched = (random_others(group, shape, rng, False) for group in (chosen, patched))
    return [
        ("random heads", bench.without(like)),
        ("random heads, last two", bench.without(like, 1, 2)),
        ("random for patched, last two", bench.without(like_patched, 1, 2)),
        ("random heads of any layer", bench.without(other)),
        ("any layer for patched, last two", bench.without(other_patched, 1, 2)),
    ]


def vector_conditions(
    bench: Bench, found: Vectors, draws: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Outcomes without the value vectors at "(", and without as many random ones per block."""
    both_UF = found.valid_UF | found.invalid_UF
    bracket_RL1 = bench.at(2)[..., None]
    off = lambda gone: sum((zero(where(neuron(u, f), bracket_RL1)) for u, f in gone), NOTHING)
    along = [(u, np.flatnonzero(both_F)) for u, both_F in enumerate(both_UF) if both_F.any()]
    conditions = [("valid + invalid", off(along))]
    for _ in range(draws):
        others = [(u, rng.permutation(np.flatnonzero(~both_F))) for u, both_F in enumerate(both_UF)]
        drawn = [(u, rest[: both_UF[u].sum()]) for u, rest in others if both_UF[u].any()]
        conditions.append(("random neurons", off(drawn)))
    return _outcomes(bench, conditions)


def _outcomes(bench: Bench, conditions: list[tuple[str, Change]]) -> list[dict[str, Any]]:
    names, changes = zip(*conditions, strict=True)
    outputs = bench.run(changes)
    return [{"condition": n} | outcome(bench, o) for n, o in zip(names, outputs, strict=True)]


def single_ablations(bench: Bench) -> np.ndarray:
    """Fall of ok minus no in right attempts without each head, (U, H)."""
    shape = (bench.model.depth, bench.model.heads)
    outputs = bench.run(bench.without([place]) for place in np.ndindex(shape))
    return np.array([outcome(bench, output)["gap"] for output in outputs]).reshape(shape)


def restored(bench: Bench, seen: Seen | Output) -> float:
    """Share of the pair's difference in ok minus no that a patch brings into the wrong attempt."""
    wrong_R = is_right(bench.rows) == 0
    before_R, after_R = (at_bracket(bench.rows, s.gap_RL) for s in (bench.base, seen))
    whole = float((partners(before_R) - before_R)[wrong_R].mean())
    return float((after_R - before_R)[wrong_R].mean()) / whole if whole else float("nan")


def patch_heads(bench: Bench, groups: Iterable[Iterable[Head]]) -> list[float]:
    """Restored share for each group of heads, whose outputs at the result and "(" are patched."""
    source_U = [jnp.asarray(partners(np.asarray(z_RLHK))) for z_RLHK in bench.base.z_URLHK]
    change = lambda group: sum(
        (patch(target, source_U[u]) for u, target in bench.targets(group, 1, 2)), NOTHING
    )
    return [restored(bench, output) for output in bench.run(map(change, groups))]


def patch_map(bench: Bench) -> np.ndarray:
    """Restored share by single heads, (U, H)."""
    shape = (bench.model.depth, bench.model.heads)
    return np.array(patch_heads(bench, ([place] for place in np.ndindex(shape)))).reshape(shape)


def patch_stream(bench: Bench) -> np.ndarray:
    """Restored share by the residual stream of each layer at each of ``PLACES``, (S, 3)."""
    changes = [
        patch(where(site, bench.at(column)[..., None]), jnp.asarray(partners(np.asarray(acts_RLD))))
        for site, acts_RLD in zip(stream(bench.model), bench.base.acts_SRLD, strict=True)
        for column in range(len(PLACES))
    ]
    return np.array([restored(bench, o) for o in bench.run(changes)]).reshape(-1, len(PLACES))
