"""Ablating heads and neurons, and patching them between the attempts of a pair.

Heads are ablated at all places up to "(" unless a condition says otherwise, neurons at "(" alone,
as in the paper.
"""

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from toylab.models import Transformer
from toylab.taps import Params

from .pairs import is_right, partners
from .passes import Rows, Seen, Signs, look, nothing
from .scores import Head, Heads, random_any, random_like
from .vectors import Vectors


class Bench(NamedTuple):
    """One network, the attempts it is tested on, and what it does when nothing is changed."""

    model: Transformer
    params: Params
    rows: Rows
    signs: Signs
    base: Seen

    def run(self, **parts: Any) -> Seen:
        """A pass with some parts of a change."""
        change = nothing(self.model, self.rows.tokens_RL.shape)._replace(**parts)
        return look(self.model, self.params, self.rows, self.signs, change)

    def mask(self, heads: Iterable[Head]) -> np.ndarray:
        """The heads as booleans, (U, H)."""
        found = np.zeros((self.model.depth, self.model.heads), bool)
        for head in heads:
            found[head] = True
        return found

    def without(self, heads: Iterable[Head], fill_UHK: Any = None) -> Seen:
        """A pass without heads, at all places."""
        fill = {} if fill_UHK is None else {"fill_UHK": fill_UHK}
        return self.run(gate_UH=1 - self.mask(heads).astype(np.float32), **fill)

    def without_at(self, heads: Iterable[Head], *columns: int) -> Seen:
        """A pass without heads at some of the places of ``PLACES``: zeros are patched in."""
        return self.run(patch_UH=self.mask(heads), patch_RL=self.at(*columns))

    def at(self, *columns: int) -> np.ndarray:
        """Which places are some of ``PLACES``, (R, L)."""
        place = np.arange(self.rows.tokens_RL.shape[1])[None, None]
        return (self.rows.place_R3[:, columns, None] == place).any(1)


def open_bench(model: Transformer, params: Params, rows: Rows, signs: Signs) -> Bench:
    """Run a network over attempts and keep what it does."""
    return Bench(model, params, rows, signs, look(model, params, rows, signs))


def gap(seen: Seen, signs: Signs) -> np.ndarray:
    """Logit of ok less that of no at "(", (R,)."""
    logits_RV = np.asarray(seen.logits_RV)
    return logits_RV[:, signs.ok] - logits_RV[:, signs.no]


def outcome(bench: Bench, seen: Seen) -> dict[str, float]:
    """What a change does.

    ``silenced``: share of right attempts, accepted before, that are not accepted; ``says_no`` of
    these, those refused; ``refused``: share of wrong attempts, refused before, that still are;
    ``arithmetic``: results as right as before; ``gap``: fall of ok less no in right attempts.
    """
    right_R, signs = is_right(bench.rows) == 1, bench.signs
    before_R, after_R = (np.asarray(s.logits_RV).argmax(-1) for s in (bench.base, seen))
    accepted_R, refused_R = right_R & (before_R == signs.ok), ~right_R & (before_R == signs.no)
    share = lambda hits: float(hits.mean()) if len(hits) else float("nan")
    sums_before, sums_after = (results_right(s) for s in (bench.base, seen))
    return {
        "silenced": share(after_R[accepted_R] != signs.ok),
        "says_no": share(after_R[accepted_R] == signs.no),
        "refused": share(after_R[refused_R] == signs.no),
        "arithmetic": sums_after / sums_before if sums_before else float("nan"),
        "gap": float((gap(bench.base, signs) - gap(seen, signs))[right_R].mean()),
    }


def results_right(seen: Seen) -> float:
    """Share of the results in the traces that the network predicts."""
    return float(np.nanmean(np.asarray(seen.sums_RL)))


def mean_outputs(bench: Bench) -> np.ndarray:
    """Mean output of each head over attempts and places, (U, H, K)."""
    length = bench.rows.tokens_RL.shape[1]
    real_RL = np.arange(length)[None] <= bench.rows.place_R3[:, 2:]
    return np.asarray(bench.base.z_URLHK)[:, real_RL].mean(1)


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
    conditions = {"chosen": chosen, "previous": previous}
    conditions |= {} if before is None else {"chosen before reward": before}
    seen = {name: bench.without(group) for name, group in conditions.items()}
    seen["chosen, mean"] = bench.without(chosen, mean_outputs(bench))
    for name, group in (("chosen", chosen), ("patched", patched)):
        seen[f"{name}, last two"] = bench.without_at(group, 1, 2)
    drawn = (random_conditions(bench, chosen, patched, rng) for _ in range(draws))
    groups = itertools.chain([seen], drawn)
    return [{"condition": n} | outcome(bench, one) for group in groups for n, one in group.items()]


def random_conditions(
    bench: Bench, chosen: list[Head], patched: list[Head], rng: np.random.Generator
) -> dict[str, Seen]:
    """Passes without one draw of random heads: as many as are chosen, or as are patched."""
    shape = (bench.model.depth, bench.model.heads)
    like, like_patched = (random_like(group, shape, rng) for group in (chosen, patched))
    other, other_patched = (random_any(group, shape, rng) for group in (chosen, patched))
    return {
        "random heads": bench.without(like),
        "random heads, last two": bench.without_at(like, 1, 2),
        "random for patched, last two": bench.without_at(like_patched, 1, 2),
        "random heads of any layer": bench.without(other),
        "any layer for patched, last two": bench.without_at(other_patched, 1, 2),
    }


def vector_conditions(
    bench: Bench, found: Vectors, draws: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Outcomes without the value vectors at "(", and without as many random ones per block."""
    both_UF = found.valid_UF | found.invalid_UF
    off = lambda gone_UF: bench.run(gate_UF=1 - gone_UF.astype(np.float32))
    rows = [{"condition": "valid + invalid"} | outcome(bench, off(both_UF))]
    for _ in range(draws):
        gone_UF = np.zeros_like(both_UF)
        for u, both_F in enumerate(both_UF):
            others = rng.permutation(np.flatnonzero(~both_F))
            gone_UF[u, others[: both_F.sum()]] = True
        rows.append({"condition": "random neurons"} | outcome(bench, off(gone_UF)))
    return rows


def single_ablations(bench: Bench) -> np.ndarray:
    """Fall of ok less no in right attempts without each head, (U, H)."""
    found_UH = np.zeros((bench.model.depth, bench.model.heads))
    for head in np.ndindex(found_UH.shape):
        found_UH[head] = outcome(bench, bench.without([head]))["gap"]
    return found_UH


def restored(bench: Bench, seen: Seen) -> float:
    """Share of the pair's difference in ok less no that a patch brings into the wrong attempt."""
    wrong_R = is_right(bench.rows) == 0
    before_R, after_R = gap(bench.base, bench.signs), gap(seen, bench.signs)
    whole = float((partners(before_R) - before_R)[wrong_R].mean())
    return float((after_R - before_R)[wrong_R].mean()) / whole if whole else float("nan")


def patch_heads(bench: Bench, heads: Iterable[Head], *columns: int) -> float:
    """Restored share when heads' outputs at some places come from the pair's other attempt."""
    order = partners(np.arange(len(bench.rows.tokens_RL)))
    source = jnp.take(bench.base.z_URLHK, order, axis=1)
    parts = {"patch_UH": bench.mask(heads), "patch_RL": bench.at(*columns)}
    return restored(bench, bench.run(from_URLHK=source, **parts))


def patch_map(bench: Bench) -> np.ndarray:
    """Restored share by single heads at the result and "(", (U, H)."""
    found_UH = np.zeros((bench.model.depth, bench.model.heads))
    for head in np.ndindex(found_UH.shape):
        found_UH[head] = patch_heads(bench, [head], 1, 2)
    return found_UH


def patch_stream(bench: Bench) -> np.ndarray:
    """Restored share by the residual stream of each layer at each of ``PLACES``, (S, 3)."""
    order = partners(np.arange(len(bench.rows.tokens_RL)))
    source = jnp.take(bench.base.acts_SRLD, order, axis=1)
    found_S3 = np.zeros((bench.model.depth + 1, 3))
    for s, column in np.ndindex(found_S3.shape):
        is_layer_S = np.arange(len(found_S3)) == s
        parts = {"patch_S": is_layer_S, "patch_RL": bench.at(column)}
        found_S3[s, column] = restored(bench, bench.run(from_SRLD=source, **parts))
    return found_S3
