"""T1 to T5: is the state in the network, is it learned, and is it the right one?

All are comparisons of one class of simple readouts: linear probes of every variable at once,
fitted by ridge regression on some sequences, with the site chosen on others and scored on a third
set. Only what is read, and from what, differs:

==  ========================================================================================
T1  the state is read from the activations; control: the commonest value at each place
T2  controls: bag of tokens, untrained network, embedding (is it *learned*?)
T3  control task: values renamed at random for each place and variable (Hewitt and Liang 2019)
T4  controls: states of wrong worlds, on the variables where a wrong world differs from the real
T5  controls: read from the allowed tokens, and from the logits (is it *emergent*?)
==  ========================================================================================
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.analysis.world.base import Subject, World, bag, seed_of, truth
from toylab.analysis.world.outcomes import BARS, Bars, Outcome, above
from toylab.errors import ToylabError
from toylab.probes.linear import Probe, ridge
from toylab.probes.prefixes import seen_prefixes

RIDGE = 1e-2
ACTIVATIONS = "activations"
REAL = "real"


class Sequences(NamedTuple):
    """Sequences with everything that is read off them, and from them."""

    inputs: np.ndarray  # (B, L)
    counts: np.ndarray  # (B, L) bool: places that count
    labels: dict[str, np.ndarray]  # each (B, L, N)
    features: dict[str, np.ndarray]  # each (S, B, L, F)


class Readout(NamedTuple):
    """A label read from a feature.

    Attributes:
        site: which of the feature's sites is best on validation sequences.
        by_site: mean accuracy on test sequences at each site (S,).
        predicted: states (B, L, N) read from the test sequences at the best site.
        probes: the fitted probe of each site.
    """

    site: int
    by_site: np.ndarray
    predicted: np.ndarray
    probes: tuple[Probe, ...]


class Readouts(NamedTuple):
    """What has been read, ``{(feature, label): Readout}``, and the test sequences."""

    found: Mapping[tuple[str, str], Readout]
    test: Sequences
    chance: np.ndarray  # the commonest value at each place (L, N)
    covariance: np.ndarray  # of the activations at each site (S, D, D)
    classes: int
    fitted: np.ndarray  # sequences that probes were fitted on

    def accuracy(self, feature: str = ACTIVATIONS, label: str = REAL) -> np.ndarray:
        """Share of variables read right in each test sequence."""
        right = self.found[feature, label].predicted == self.test.labels[label]
        return per_sequence(right, self.test.counts[..., None])

    def balanced(self, feature: str = ACTIVATIONS) -> np.ndarray:
        """Mean over the values of the share read right, in each test sequence."""
        labels, predicted = self.test.labels[REAL], self.found[feature, REAL].predicted
        counts = self.test.counts[..., None]
        each = [
            per_sequence(predicted == labels, counts & (labels == c)) for c in range(self.classes)
        ]
        total, seen = np.nansum(each, 0), np.isfinite(each).sum(0)
        return np.where(seen > 0, total / np.maximum(seen, 1), np.nan)


def per_sequence(right: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Share of the cells that count, (B,); NaN for a sequence without any."""
    counts = np.broadcast_to(counts, right.shape)
    cells = counts.sum((1, 2))
    return np.where(cells > 0, (right & counts).sum((1, 2)) / np.maximum(cells, 1), np.nan)


def collect(
    subject: Subject, world: World, inputs: Any, seen: np.ndarray | None = None
) -> Sequences:
    """Run the network and the worlds on sequences.

    Places at which one of ``seen`` begins alike do not count: a probe that was fitted on these has
    met their activations.
    """
    inputs = np.asarray(inputs)
    real, allowed, counts = truth(world, inputs)
    if seen is not None:
        counts = counts & ~seen_prefixes(seen, inputs)
    logits, acts = subject.record(inputs)
    _, before = subject.record(inputs, untrained=True)
    width = acts.shape[-1]  # narrower features are filled up with zeros: one shape, one compile
    widened = lambda a: np.pad(a, ((0, 0), (0, 0), (0, max(0, width - a.shape[-1]))))[None]
    features = {
        ACTIVATIONS: acts,
        "embedding": acts[:1],
        "untrained": before,
        "bag of tokens": widened(bag(inputs, world.vocab, world.period)),
        "allowed tokens": widened(allowed.astype(np.float32)),
        "logits": widened(logits),
    }
    shift = np.maximum(np.arange(inputs.shape[1]) - world.period, 0)
    labels = {name: np.asarray(states) for name, states in world.wrong(inputs).items()}
    labels |= {REAL: real, "time-shifted": real[:, shift]}
    return Sequences(inputs, counts, labels, features)


def renaming(world: World, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """For every place and variable (L, N), a random order of the values: (L, N, C)."""
    return np.argsort(rng.random((*shape, world.classes)), -1)


def read(subject: Subject, world: World, key: Array, count: int = 400) -> Readouts:
    """Fit every probe that T1 to T5 compare.

    Args:
        subject: the network.
        world: its world.
        key: random key of the sequences.
        count: sequences to test on; twice as many to fit on, half as many to choose the site by.
            Places at which a sequence that was fitted on begins alike do not count in these.

    Raises:
        ToylabError: too few sequences.
    """
    if count < 4:
        raise ToylabError(f"read: count = {count} sequences; give at least 4.")
    drawn = np.asarray(world.draw(key, 2 * count + count // 2 + count))
    fitted = drawn[: 2 * count]
    train = collect(subject, world, fitted)
    choose = collect(subject, world, drawn[2 * count : -count], fitted)
    test = collect(subject, world, drawn[-count:], fitted)
    order = renaming(world, train.labels[REAL].shape[1:], seed_of(key, 0))
    for part in (train, choose, test):
        hot = part.labels[REAL][..., None]
        part.labels["renamed"] = np.take_along_axis(order[None], hot, -1)[..., 0]
    found: dict[tuple[str, str], Readout] = {}
    for feature in train.features:
        names = tuple(train.labels) if feature == ACTIVATIONS else (REAL,)
        for name, readout in _readouts(feature, names, world.classes, train, choose, test).items():
            found[feature, name] = readout
    chance, spread = _commonest(train, world.classes), _covariance(train)
    return Readouts(found, test, chance, spread, world.classes, fitted)


def _readouts(
    feature: str, names: tuple[str, ...], classes: int, *parts: Sequences
) -> dict[str, Readout]:
    """Read labels from one feature at all of its sites."""
    train, choose, test = parts
    probes, kept = [], []
    targets = np.concatenate([_hot(train.labels[name], classes) for name in names], -1)
    for site in range(len(train.features[feature])):
        x, weights = _flat(train.features[feature][site]), train.counts.reshape(-1)
        probe = ridge(jnp.asarray(x), jnp.asarray(targets), RIDGE, jnp.asarray(weights, np.float32))
        probes.append(probe)
        kept.append([predict(probe, part.features[feature][site], classes) for part in parts[1:]])
    readouts = {}
    for i, name in enumerate(names):
        cut = slice(i * train.labels[name].shape[-1], (i + 1) * train.labels[name].shape[-1])
        score = lambda states, part, name=name: np.nanmean(
            per_sequence(states == part.labels[name], part.counts[..., None])
        )
        first = 1 if len(kept) > 1 else 0  # the embedding is a control
        best = first + int(np.argmax([score(c[..., cut], choose) for c, _ in kept[first:]]))
        by_site = np.array([score(t[..., cut], test) for _, t in kept])
        own = tuple(jax.tree.map(lambda a, c=cut: _cut(a, c, classes), p) for p in probes)
        readouts[name] = Readout(best, by_site, kept[best][1][..., cut], own)
    return readouts


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[-1])


def _hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """One-hot labels as rows (R, N * C)."""
    return np.eye(classes, dtype=np.float32)[_flat(labels)].reshape(len(_flat(labels)), -1)


def _cut(leaf: Array, cut: slice, classes: int) -> Array:
    """A probe's part that reads some variables; its gradient norm stays that of the whole."""
    return leaf[..., classes * cut.start : classes * cut.stop] if leaf.ndim else leaf


def predict(probe: Probe, acts_BLD: np.ndarray, classes: int) -> np.ndarray:
    """Return the states (B, L, N) that a probe reads from activations."""
    scores = _flat(acts_BLD) @ np.asarray(probe.weight) + np.asarray(probe.bias)
    best = scores.reshape(*acts_BLD.shape[:2], -1, classes).argmax(-1)
    return best.astype(np.int32)


def _commonest(train: Sequences, classes: int) -> np.ndarray:
    labels, counts = train.labels[REAL], train.counts[..., None]
    return np.argmax([((labels == c) & counts).sum(0) for c in range(classes)], 0)


def _covariance(train: Sequences) -> np.ndarray:
    kept = train.features[ACTIVATIONS][:, train.counts]
    centred = kept - kept.mean(1, keepdims=True)
    return np.swapaxes(centred, 1, 2) @ centred / kept.shape[1]


def representation(readouts: Readouts, bars: Bars = BARS) -> list[Outcome]:
    """T1 to T5 from what has been read."""
    right, whole = readouts.accuracy(), readouts.balanced()
    real, counts = readouts.test.labels[REAL], readouts.test.counts[..., None]
    chance = per_sequence(np.broadcast_to(readouts.chance, real.shape) == real, counts)
    learned = ("bag of tokens", "untrained", "embedding")
    outputs = ("allowed tokens", "logits")
    balanced = lambda names: {name: readouts.balanced(name) for name in names}
    renamed = {"renamed values": readouts.accuracy(label="renamed")}
    part, even = "variables read right", "read right, values weighed alike"
    return [
        above("T1", part, right, {"commonest value": chance}, bars.margin, bars.accuracy),
        above("T2", even, whole, balanced(learned), bars.margin),
        above("T3", part, right, renamed, bars.margin),
        *wrong_worlds(readouts, bars),
        above("T5", even, whole, balanced(outputs), bars.margin),
    ]


def wrong_worlds(readouts: Readouts, bars: Bars = BARS) -> list[Outcome]:
    """T4, one part per wrong world: of the variables in which the worlds differ, which is read?"""
    found = []
    real, counts = readouts.test.labels[REAL], readouts.test.counts[..., None]
    for name, labels in readouts.test.labels.items():
        disputed = counts & (labels != real)
        if name in (REAL, "renamed") or not disputed.any():
            continue
        share = lambda label, where=disputed: per_sequence(
            readouts.found[ACTIVATIONS, label].predicted == readouts.test.labels[label], where
        )
        found.append(above("T4", name, share(REAL), {"wrong world": share(name)}, bars.margin))
    return found
