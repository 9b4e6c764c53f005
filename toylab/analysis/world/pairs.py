"""T7, first half: does the state suffice? Two ways to one state must be one to the network.

*Equal* pairs are different prefixes, of one length, that end in the same state. Their controls are
pairs of different states: *twins*, which hold the same tokens in the same roles, so that only a
network that minds the order can tell them apart; and *others*, drawn at random. Two states of a
control allow different tokens.

The outputs of equal pairs must agree; and the activation at the last token, put in the place of
the other's, must change nothing.
"""

from typing import NamedTuple

import numpy as np
from jax import Array

from toylab.analysis.world.base import Subject, World, at, seed_of, softmax, truth
from toylab.analysis.world.outcomes import BARS, Bars, Outcome, mean
from toylab.errors import ToylabError

FEWEST_TWINS = 10  # with fewer, the control is left out


class Pairs(NamedTuple):
    """Prefixes (P, L) that end at the same place (P,); what comes behind it is of no matter."""

    first: np.ndarray
    second: np.ndarray
    place: np.ndarray


class Found(NamedTuple):
    """Pairs of equal states, and of different ones; twins may be None."""

    equal: Pairs
    twins: Pairs | None
    others: Pairs


def find_pairs(world: World, key: Array, count: int = 200, draws: int = 4000) -> Found:
    """Search random sequences for pairs.

    Args:
        world: the world.
        key: random key.
        count: pairs of each kind, if there are as many.
        draws: sequences to search.

    Raises:
        ToylabError: no two different prefixes of one length reach one state.
    """
    rng = seed_of(key, 3)
    inputs = np.asarray(world.draw(key, draws))
    states, allowed, counts = truth(world, inputs)
    hashes = {
        "prefix": np.cumsum(_codes((inputs.shape[1], world.vocab), rng)[_each(inputs)], 1),
        "state": _hash(states, rng),
        "bag": _bag_hash(inputs, world, rng),
        "allowed": _hash(allowed, rng),
    }
    equal, twins = [], []
    for place in range(inputs.shape[1]):
        rows = np.flatnonzero(counts[:, place])
        rows = rows[np.unique(hashes["prefix"][rows, place], return_index=True)[1]]
        here = {name: values[rows, place] for name, values in hashes.items()}
        a, b = _neighbours(here["state"], rng)
        equal += [(place, rows[i], rows[j]) for i, j in zip(a, b, strict=True)]
        a, b = _neighbours(here["bag"], rng)
        kept = here["allowed"][a] != here["allowed"][b]
        twins += [(place, rows[i], rows[j]) for i, j in zip(a[kept], b[kept], strict=True)]
    if not equal:
        raise ToylabError(
            f"find_pairs: no two of {draws} sequences reach one state by different prefixes; "
            "draw more."
        )
    chosen = _spread(np.array(equal), count, rng)
    return Found(
        _pairs(inputs, chosen),
        _pairs(inputs, _spread(np.array(twins), count, rng))
        if len(twins) >= FEWEST_TWINS
        else None,
        _pairs(inputs, _others(chosen, hashes["allowed"], counts, rng)),
    )


def _codes(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Random numbers of 64 bits; sums of them, which wrap round, are hashes."""
    return rng.integers(0, 2**64, shape, np.uint64)


def _each(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of every token by its place."""
    return np.broadcast_to(np.arange(inputs.shape[1]), inputs.shape), inputs


def _hash(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hash the last axis (B, L, K) to 64 bits; equal values give equal hashes."""
    found = np.zeros(values.shape[:-1], np.uint64)
    for k, code in enumerate(_codes(values.shape[-1:], rng)):
        found += code * values[..., k].astype(np.uint64)
    return found


def _bag_hash(inputs: np.ndarray, world: World, rng: np.random.Generator) -> np.ndarray:
    """Hash :func:`toylab.analysis.world.base.bag` of every prefix (B, L), but for the place."""
    place, period = np.arange(inputs.shape[1]), world.period
    found = np.zeros(inputs.shape, np.uint64)
    for age, codes in enumerate(_codes((period, world.vocab), rng)):
        for kind in range(period):  # tokens at these places have this age, seen from those
            mine = np.where(place % period == kind, codes[inputs], np.uint64(0))
            seen = (place - kind) % period == age
            found += np.where(seen, np.cumsum(mine, 1, dtype=np.uint64), np.uint64(0))
    return found


def _neighbours(group: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pair members of a group at random, each in one pair at most."""
    order = np.lexsort((rng.random(len(group)), group))
    same = np.flatnonzero(group[order[1:]] == group[order[:-1]])
    start = np.searchsorted(group[order], group[order[same]])  # where the pair's group begins
    same = same[(same - start) % 2 == 0]
    return order[same], order[same + 1]


def _spread(pairs: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Choose pairs (place, a, b) as evenly over the places as there are."""
    pairs = pairs[rng.permutation(len(pairs))]
    order = np.argsort(pairs[:, 0], kind="stable")
    places = pairs[order, 0]
    turn = np.empty(len(pairs), np.int64)
    turn[order] = np.arange(len(pairs)) - np.searchsorted(places, places)
    return pairs[np.argsort(turn, kind="stable")[:count]]


def _others(
    pairs: np.ndarray, allowed: np.ndarray, counts: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Give each first prefix another at the same place at which other tokens are allowed."""
    place, first, second = pairs.T
    found = np.zeros(len(pairs), bool)
    for _ in range(32):
        other = rng.integers(len(allowed), size=len(pairs))
        fits = counts[other, place] & (allowed[other, place] != allowed[first, place])
        second = np.where(~found & fits, other, second)
        found |= fits
    return np.stack([place, first, second], 1)[found]


def _pairs(inputs: np.ndarray, chosen: np.ndarray) -> Pairs:
    place, first, second = chosen.T
    return Pairs(inputs[first], inputs[second], place)


def variation(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Total variation distance of distributions on the last axis, from 0 to 1."""
    return np.abs(p - q).sum(-1) / 2


def difference(subject: Subject, pairs: Pairs, site: int) -> tuple[np.ndarray, np.ndarray]:
    """How much the outputs of each pair differ, and how much a patch changes the first's.

    Args:
        subject: the network.
        pairs: prefixes.
        site: the site whose activation at the last token is replaced by the second's.

    Returns:
        Two total variation distances (P,).
    """
    runs = [subject.record(prefix) for prefix in (pairs.first, pairs.second)]
    p, q = (softmax(at(logits, pairs.place)) for logits, _ in runs)
    here = [acts[:, np.arange(len(p)), pairs.place] for _, acts in runs]  # (S, P, D)
    chosen = np.arange(len(subject.sites))[:, None, None] == site
    delta = np.where(chosen, here[1] - here[0], np.float32(0))
    patched = softmax(subject.edit(pairs.first, pairs.place, delta))
    return variation(p, q), variation(p, patched)


def sufficient(subject: Subject, found: Found, site: int, bars: Bars = BARS) -> list[Outcome]:
    """T7, outputs and patches: total variation for equal states, beside that for different ones."""
    equal, others = (difference(subject, p, site) for p in (found.equal, found.others))
    twins = difference(subject, found.twins, site) if found.twins else None
    outcomes = []
    for i, part in enumerate(("outputs", "patched outputs")):
        controls = {"other state": others[i]}
        controls |= {"same tokens, other state": twins[i]} if twins else {}
        rule = f"<= {bars.unchanged:g} of every control"
        least = min(mean(c) for c in controls.values())
        passed = mean(equal[i]) <= bars.unchanged * least and least > 0
        outcomes.append(Outcome("T7", part, "pair", equal[i], controls, rule, bool(passed)))
    return outcomes
