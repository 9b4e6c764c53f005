"""T7, second half: the continuations that a network accepts, as a language with states.

After Vafa et al. 2024 (arXiv:2406.03689): a token is accepted where its probability is above
``epsilon``. *Compression*: of two prefixes of one state, whatever the network says after the first
it must accept after the second. *Distinction*: of prefixes of two states, the shortest
continuations that are accepted after the first and not after the second (its boundary) must be the
world's: precision and recall.

What differs from their code: what comes after the end of a sequence is not asked about, and
nothing that fails is skipped.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jax import Array

from toylab.analysis.world.base import Subject, World, at, seed_of, softmax
from toylab.analysis.world.outcomes import BARS, Bars, Outcome, above
from toylab.analysis.world.pairs import Found, Pairs

EPSILON = 0.01

Sampler = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Language(NamedTuple):
    """Continuations (B, L + 1) of prefixes, judged at each place t by the token that follows.

    Attributes:
        tokens: prefix and continuation.
        accepted: whether the network accepts the token after t (B, L).
        legal: whether the world allows it, for as long as all before it were allowed.
        live: places from the prefix's last to the first that is not legal or lies at the end.
        over: whether the world allows nothing after t.
        behind: places from the prefix's last.
    """

    tokens: np.ndarray
    accepted: np.ndarray
    legal: np.ndarray
    live: np.ndarray
    over: np.ndarray
    behind: np.ndarray


def of_network(subject: Subject, epsilon: float = EPSILON) -> Sampler:
    """Next-token probabilities of the network, those at or below epsilon left out."""

    def probabilities(inputs: np.ndarray, place: np.ndarray) -> np.ndarray:
        p = softmax(subject.predict(inputs, place))
        p = np.where((p > epsilon) | (p == p.max(-1, keepdims=True)), p, 0)
        with np.errstate(invalid="ignore"):  # of networks that diverged it is NaN
            return p / p.sum(-1, keepdims=True)

    return probabilities


def of_world(world: World) -> Sampler:
    """Uniform over what is allowed; the first token where nothing is."""

    def probabilities(inputs: np.ndarray, place: np.ndarray) -> np.ndarray:
        allowed = at(np.asarray(world.allowed(world.states(inputs))), place)
        allowed = allowed | (~allowed.any(-1, keepdims=True) & (np.arange(world.vocab) == 0))
        return allowed / allowed.sum(-1, keepdims=True)

    return probabilities


def continued(
    sampler: Sampler, inputs: np.ndarray, place: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Continue prefixes to their full length, and by the one token that is never an input."""
    count, length = inputs.shape
    tokens = np.concatenate([inputs, np.zeros((count, 1), inputs.dtype)], 1)
    for here in range(int(place.min()), length):
        p = np.cumsum(sampler(tokens[:, :-1], np.full(count, here)), -1)
        drawn = (rng.random((count, 1)) * p[:, -1:] >= p).sum(-1)
        mine = here >= place
        tokens[mine, here + 1] = np.minimum(drawn, p.shape[-1] - 1)[mine]
    return tokens


def grafted(tokens: np.ndarray, prefix: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Put another prefix before a continuation."""
    own = np.arange(tokens.shape[1])[None] <= place[:, None]
    return np.where(own, np.pad(prefix, ((0, 0), (0, 1))), tokens)


def judged(
    subject: Subject, world: World, tokens: np.ndarray, place: np.ndarray, epsilon: float
) -> Language:
    """What the network and the world say of continuations."""
    inputs, following = tokens[:, :-1], tokens[:, 1:, None]
    p = softmax(subject.record(inputs)[0])
    accepted = np.take_along_axis(p, following, -1)[..., 0] > epsilon
    allowed = np.asarray(world.allowed(world.states(inputs)))
    here = np.arange(inputs.shape[1])[None] >= place[:, None]
    legal = np.take_along_axis(allowed, following, -1)[..., 0]
    before = np.cumprod(np.pad(legal | ~here, ((0, 0), (1, 0)), constant_values=True)[:, :-1], 1)
    over = ~allowed.any(-1) & before.astype(bool)
    return Language(tokens, accepted, legal & (before > 0), here & (before > 0) & ~over, over, here)


def both(
    subject: Subject,
    world: World,
    pairs: Pairs,
    sampler: Sampler,
    samples: int,
    rng: np.random.Generator,
    epsilon: float = EPSILON,
) -> tuple[Language, Language]:
    """Continue each first prefix ``samples`` times, and judge the continuations after both."""
    pairs = Pairs(*(np.repeat(array, samples, 0) for array in pairs))
    tokens = continued(sampler, pairs.first, pairs.place, rng)
    other = grafted(tokens, pairs.second, pairs.place)
    judge = lambda t: judged(subject, world, t, pairs.place, epsilon)
    return judge(tokens), judge(other)


def compression(after: Language, other: Language, samples: int) -> np.ndarray:
    """Whether all continuations of the first prefix are accepted after the second, (P,).

    A continuation counts up to its first token that the world does not allow, which is included.

    Args:
        after: the network's continuations of the first prefixes, ``samples`` of each in turn.
        other: the same after the second prefixes.
        samples: continuations of a prefix.
    """
    passed = (other.accepted | ~after.live).all(1)
    return np.all(passed.reshape(-1, samples), 1).astype(np.float64)


def _first(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place of the first True of each row, and the mask of places up to it."""
    first = np.where(mask.any(1), mask.argmax(1), mask.shape[1])
    return first, np.arange(mask.shape[1])[None] <= first[:, None]


def precision(one: Language, two: Language, samples: int) -> np.ndarray:
    """Share of the network's boundary between two states that is the world's, (P,).

    Args:
        one: the network's continuations of the first prefixes, ``samples`` of each in turn.
        two: the same after the second prefixes.
        samples: continuations of a prefix. They count once; a pair without any is NaN.
    """
    first, inside, exists = _boundary(one, two, ~two.accepted)
    right = _whole(one.legal, inside) & ~_whole(two.legal, inside)
    return _per_pair(one.tokens, first, exists, right, samples)


def recall(one: Language, two: Language, samples: int) -> np.ndarray:
    """Share of the world's boundary that is the network's, of the world's continuations, (P,)."""
    first, inside, exists = _boundary(one, two, ~two.legal)
    right = _whole(one.accepted, inside) & ~_whole(two.accepted, inside)
    return _per_pair(one.tokens, first, exists, right, samples)


def _boundary(one: Language, two: Language, refused: np.ndarray) -> tuple[np.ndarray, ...]:
    """First place refused after the second prefix, places up to it, and whether it is there.

    What lies behind the end of either sequence is no boundary.
    """
    refused = refused & one.behind
    first, upto = _first(refused)
    inside = upto & one.behind
    ended = np.any((one.over | two.over) & inside, 1)
    return first, inside, refused.any(1) & ~ended


def _whole(holds: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Whether something holds at every place of a part."""
    return np.all(holds | ~part, 1)


def _per_pair(
    tokens: np.ndarray, first: np.ndarray, exists: np.ndarray, right: np.ndarray, samples: int
) -> np.ndarray:
    """Share of a pair's different continuations that are right."""
    found = []
    for start in range(0, len(tokens), samples):
        rows = [i for i in range(start, start + samples) if exists[i]]
        unique = {tokens[i, : first[i] + 2].tobytes(): right[i] for i in rows}
        found.append(np.mean(list(unique.values())) if unique else np.nan)
    return np.array(found)


def language(
    subject: Subject,
    world: World,
    found: Found,
    key: Array,
    count: int = 64,
    samples: int = 8,
    bars: Bars = BARS,
) -> list[Outcome]:
    """T7, compression and distinction of the first ``count`` pairs.

    Controls: compression of pairs of different states; and the share of all tokens that are on the
    boundary of a pair, which is the precision of a guess.
    """
    rng = seed_of(key, 4)
    equal, others = (Pairs(*(a[:count] for a in p)) for p in (found.equal, found.others))
    spoken = lambda pairs: both(subject, world, pairs, of_network(subject), samples, rng)
    same, different = spoken(equal), spoken(others)
    true = both(subject, world, others, of_world(world), samples, rng)
    control = {"other state": compression(*different, samples)}
    allowed = [
        at(np.asarray(world.allowed(world.states(prefix))), others.place) for prefix in others[:2]
    ]
    guess = {"guess": (allowed[0] & ~allowed[1]).mean(-1)}
    values = {
        "compression": (compression(*same, samples), control),
        "distinction precision": (precision(*different, samples), guess),
        "distinction recall": (recall(*true, samples), {}),
    }
    return [
        above("T7", part, value, controls, bars.margin, bars.language, "pair")
        for part, (value, controls) in values.items()
    ]
