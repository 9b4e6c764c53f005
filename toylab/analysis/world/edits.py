"""T6: is the state used? Edit it along its probe and see what the network thinks may come next.

An edit wants variable n to read v' instead of v. With ``d = w[n, v'] - w[n, v]`` of the probe, the
step ``2 a M d / d^T M d`` turns the difference of the two readouts from -1 to 1 at strength a = 1,
and is the shortest that does in the metric of M: the identity, or (``natural``) the covariance of
the activations, which keeps to directions in which they vary. The metric, the site, whether later
sites are edited too (each along its own probe), and the strength are chosen on validation cases,
then fixed.

Error of a case: of the k likeliest tokens, k the number that is allowed in the state wanted, those
that are not allowed, and those allowed that are missing (Li et al. 2022, arXiv:2210.13382).
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from jax import Array

from toylab.analysis.world.base import Subject, World, at, seed_of, truth
from toylab.analysis.world.outcomes import BARS, Bars, Outcome, mean
from toylab.analysis.world.probes import ACTIVATIONS, REAL, Readouts
from toylab.errors import ToylabError
from toylab.probes.prefixes import seen_prefixes

STRENGTHS = (0.5, 1.0, 2.0, 4.0)


class Cases(NamedTuple):
    """Places of sequences, the state there, the one wanted, and another edit of the same kind."""

    inputs: np.ndarray  # (B, L)
    place: np.ndarray  # (B,)
    states: np.ndarray  # (B, N)
    wanted: np.ndarray  # (B, N)
    decoys: np.ndarray  # (B, N)
    allowed: np.ndarray  # (B, V), in the state that is wanted


class Scheme(NamedTuple):
    """Where and how strongly an edit is made."""

    site: int
    onwards: bool
    natural: bool
    strength: float


def pick_places(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One place that counts of each sequence, at random; 0 where none does."""
    return np.argmax(rng.random(counts.shape) * counts, -1)


def draw_cases(world: World, key: Array, count: int, fitted: np.ndarray | None = None) -> Cases:
    """Draw edits that change what is allowed, and allow something.

    Args:
        world: the world.
        key: random key.
        count: how many.
        fitted: sequences that probes were fitted on; no edit is at a place where one begins alike.

    Raises:
        ToylabError: the world's counterfactuals seldom do.
    """
    rng = seed_of(key, 1)
    inputs = np.asarray(world.draw(key, 4 * count))
    states, _, counts = truth(world, inputs)
    if fitted is not None:
        counts = counts & ~seen_prefixes(fitted, inputs)
    place = pick_places(counts, rng)
    here = at(states, place)
    wanted = world.counterfactuals(here, rng)
    decoys = world.counterfactuals(here, rng)
    for _ in range(8):
        same = (decoys == wanted).all(-1)
        decoys = np.where(same[:, None], world.counterfactuals(here, rng), decoys)
    before, after = np.asarray(world.allowed(here)), np.asarray(world.allowed(wanted))
    fit = at(counts, place) & (before != after).any(-1) & after.any(-1)
    fit &= (decoys != wanted).any(-1)
    rows = np.flatnonzero(fit)[:count]
    if len(rows) < count:
        raise ToylabError(
            f"draw_cases: {len(rows)} of {4 * count} counterfactuals change what is allowed; "
            f"{count} are needed: let the world propose changes that matter."
        )
    return Cases(*(array[rows] for array in (inputs, place, here, wanted, decoys, after)))


def directions(
    probes: Sequence,
    states: np.ndarray,
    wanted: np.ndarray,
    classes: int,
    metrics: np.ndarray | None = None,
) -> np.ndarray:
    """Steps (S, B, D) that turn the readouts of the variables that differ, at strength 1.

    Args:
        probes: one probe per site.
        states: present states (B, N).
        wanted: states wanted (B, N).
        classes: number of values.
        metrics: M of each site (S, D, D); the identity by default.
    """
    hot = np.eye(classes, dtype=np.float32)
    change = (hot[wanted] - hot[states]).reshape(len(states), -1)  # (B, N * C)
    changed = (wanted != states).sum(-1)[:, None]
    steps = []
    for site, probe in enumerate(probes):
        d = change @ np.asarray(probe.weight).T
        step = d if metrics is None else d @ metrics[site]
        steps.append(2 * changed * step / np.maximum((d * step).sum(-1, keepdims=True), 1e-12))
    return np.stack(steps).astype(np.float32)


def top_errors(logits: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """False positives plus false negatives of the k likeliest tokens, k of them allowed."""
    rank = np.argsort(np.argsort(-logits, -1, kind="stable"), -1, kind="stable")
    told = rank < allowed.sum(-1, keepdims=True)
    return (told != allowed).sum(-1)


def scaled(steps: np.ndarray, scheme: Scheme) -> np.ndarray:
    """Steps where the scheme makes them, zero elsewhere."""
    site = np.arange(len(steps))[:, None, None]
    chosen = site >= scheme.site if scheme.onwards else site == scheme.site
    return np.where(chosen, np.float32(scheme.strength) * steps, np.float32(0))


def schemes(sites: int) -> list[Scheme]:
    """All schemes that are tried: the last site and those before, but the embedding."""
    found = []
    for site in range(1, sites):
        later = (False, True) if site < sites - 1 else (False,)
        found += [Scheme(site, *rest) for rest in product(later, (False, True), STRENGTHS)]
    return found


def matched(steps: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Give steps the lengths of others."""
    length = lambda a: np.linalg.norm(a, axis=-1, keepdims=True)
    return steps * (length(like) / np.maximum(length(steps), 1e-12))


def causal(
    subject: Subject,
    world: World,
    readouts: Readouts,
    key: Array,
    count: int = 200,
    bars: Bars = BARS,
) -> tuple[Outcome, Scheme]:
    """T6: the share of the error that editing the state mends, case by case.

    Controls take steps of the same length: in a random direction, and along the probe for another
    edit than the one wanted.

    Returns:
        The outcome, and the scheme that the validation cases chose.
    """
    cases = draw_cases(world, key, count + count // 2, readouts.fitted)
    probes = readouts.found[ACTIVATIONS, REAL].probes
    step = lambda target, natural: directions(
        probes, cases.states, target, world.classes, readouts.covariance if natural else None
    )
    both = [step(cases.wanted, natural) for natural in (False, True)]
    chosen, tested = slice(count, None), slice(0, count)
    error = lambda part, deltas: top_errors(
        subject.edit(cases.inputs[part], cases.place[part], deltas), cases.allowed[part]
    )
    tried = schemes(len(subject.sites))
    scores = [error(chosen, scaled(both[s.natural][:, chosen], s)).mean() for s in tried]
    best = tried[int(np.argmin(scores))]
    steps = both[best.natural]
    random = seed_of(key, 2).normal(size=steps.shape).astype(np.float32)
    null = error(tested, 0 * steps[:, tested])
    mended = lambda moved: (
        (null - error(tested, scaled(moved[:, tested], best))) / max(null.mean(), 1e-12)
    )
    value = mended(steps)
    controls = {
        "random direction": mended(matched(random, steps)),
        "another edit": mended(matched(step(cases.decoys, best.natural), steps)),
    }
    rule = f">= {bars.repaired:g}, controls <= {bars.spurious:g}"
    passed = mean(value) >= bars.repaired and all(
        mean(c) <= bars.spurious for c in controls.values()
    )
    outcome = Outcome("T6", "error mended", "edit", value, controls, rule, bool(passed))
    return outcome, best
