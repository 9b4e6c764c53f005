"""What it means to have learned a world model, as tests T1 to T8 of a network and a world.

== ===========================================================================================
T1 *representation*: the state can be read from the activations by a simple (linear) readout
T2 *learned*: and not as well from the input's bag of tokens, the embedding, an untrained network
T3 *selective*: the readout cannot as well read values that are renamed at every place
T4 *this world*: where wrong worlds differ from the real one, it is the real state that is read
T5 *emergent*: the state is more than what the task asks for, the allowed tokens or the logits
T6 *causal*: editing the state along the readout makes outputs those of the state that is wanted
T7 *sufficient*: different ways to one state are one to the network, ways to two are not
T8 *general*: all this on sequences of a kind that was left out of training
== ===========================================================================================

The question, and the words learned, emergent and causal, are those of Li, Viégas and Wattenberg
2025 (arXiv:2507.21513); they leave open what is simple and how near is equal, which
:class:`toylab.analysis.world.outcomes.Bars` and linear probes decide here. A failed test of a part
of a criterion fails the criterion.

Example: ``outcomes = examine(subject, world, key)``, then ``verdicts(outcomes)``.
"""

import dataclasses

import jax
import numpy as np
from jax import Array

from toylab.analysis.world.base import Subject, World, seed_of, truth
from toylab.analysis.world.edits import Scheme, causal
from toylab.analysis.world.language import language
from toylab.analysis.world.outcomes import BARS, Bars, Outcome, above, rows, summary, verdicts
from toylab.analysis.world.pairs import find_pairs, sufficient
from toylab.analysis.world.probes import (
    ACTIVATIONS,
    REAL,
    Readouts,
    Sequences,
    collect,
    per_sequence,
    predict,
    read,
    representation,
)

__all__ = ["Bars", "Outcome", "Sizes", "examine", "examined", "rows", "summary", "verdicts"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is drawn: the tests' cost.

    Attributes:
        sequences: test sequences of the probes; three and a half times as many are run.
        edits: edited places; half as many more choose the strength.
        pairs: pairs of prefixes of each kind.
        searched: sequences searched for pairs.
        words: pairs whose continuations are compared.
        samples: continuations of each.
    """

    sequences: int = 400
    edits: int = 200
    pairs: int = 200
    searched: int = 4000
    words: int = 64
    samples: int = 8


SIZES = Sizes()


@dataclasses.dataclass(frozen=True)
class Examined:
    """Outcomes, with what was read and how edits were made."""

    outcomes: tuple[Outcome, ...]
    readouts: Readouts
    scheme: Scheme


def examined(
    subject: Subject,
    world: World,
    key: Array,
    sizes: Sizes = SIZES,
    bars: Bars = BARS,
) -> Examined:
    """Run T1 to T7 and return the readouts too.

    Args:
        subject: the network.
        world: the world that its sequences come from.
        key: random key of everything drawn.
        sizes: how much is drawn.
        bars: what is asked.
    """
    keys = jax.random.split(key, 4)
    readouts = read(subject, world, keys[0], sizes.sequences)
    edit, scheme = causal(subject, world, readouts, keys[1], sizes.edits, bars)
    pairs = find_pairs(world, keys[2], sizes.pairs, sizes.searched)
    outcomes = (
        *representation(readouts, bars),
        edit,
        *sufficient(subject, pairs, readouts.found[ACTIVATIONS, REAL].site, bars),
        *language(subject, world, pairs, keys[3], sizes.words, sizes.samples, bars),
    )
    return Examined(outcomes, readouts, scheme)


def examine(
    subject: Subject,
    world: World,
    key: Array,
    sizes: Sizes = SIZES,
    bars: Bars = BARS,
    held_out: World | None = None,
) -> list[Outcome]:
    """Run T1 to T7, and T8 where a world of held-out sequences is given.

    Args:
        subject: the network.
        world: the world of the sequences that it was trained on.
        key: random key of everything drawn.
        sizes: how much is drawn.
        bars: what is asked.
        held_out: the same world, whose ``draw`` gives sequences of a kind left out of training.

    Example:
        >>> examine(subject, world, key, Sizes(sequences=100))  # doctest: +SKIP
    """
    found = examined(subject, world, key, sizes, bars)
    outcomes = list(found.outcomes)
    if held_out is not None:
        outcomes += generalises(subject, held_out, found.readouts, key, bars)
    return outcomes


def generalises(
    subject: Subject, held_out: World, readouts: Readouts, key: Array, bars: Bars = BARS
) -> list[Outcome]:
    """T8: are next tokens as often allowed, and states as often read, on held-out sequences?

    The probe is the one fitted on sequences of the other kind. The control ``seen`` is the score
    on those, of which early places seldom count, as their prefixes were fitted on; held-out places
    are left out at random, so that both count places alike. ``untrained`` is the score of the
    untrained network's most probable token, ``chance`` that of the majority at each place.
    """
    inputs = np.asarray(held_out.draw(jax.random.fold_in(key, 8), len(readouts.test.inputs)))
    seen = readouts.test
    share_L = seen.counts.sum(0) / np.maximum(truth(held_out, seen.inputs)[2].sum(0), 1)
    new = collect(subject, held_out, inputs)
    new = new._replace(counts=new.counts & (seed_of(key, 8).random(inputs.shape) < share_L))
    readout = readouts.found[ACTIVATIONS, REAL]
    states = predict(
        readout.probes[readout.site], new.features[ACTIVATIONS][readout.site], readouts.classes
    )
    right = per_sequence(states == new.labels[REAL], new.counts[..., None])
    chance = per_sequence(readouts.chance[None] == new.labels[REAL], new.counts[..., None])
    legal = likeliest_allowed(held_out, new, subject.record(inputs)[0])
    known = likeliest_allowed(held_out, seen, subject.record(seen.inputs)[0])
    before = likeliest_allowed(held_out, new, subject.record(inputs, untrained=True)[0])
    return [
        _kept("likeliest token allowed", legal, known, {"untrained": before}, bars),
        _kept("variables read right", right, readouts.accuracy(), {"chance": chance}, bars),
    ]


def likeliest_allowed(world: World, sequences: Sequences, logits: np.ndarray) -> np.ndarray:
    """Share of a sequence's places where the likeliest token is allowed, (B,)."""
    allowed = np.asarray(world.allowed(sequences.labels[REAL]))
    best = np.take_along_axis(allowed, logits.argmax(-1)[..., None], -1)
    return per_sequence(best, sequences.counts[..., None])


def _kept(
    part: str, value: np.ndarray, seen: np.ndarray, controls: dict[str, np.ndarray], bars: Bars
) -> Outcome:
    least = float(np.nanmean(seen)) - bars.drop
    found = above("T8", part, value, controls, bars.margin, least)
    rule = f"seen - {bars.drop:g}, controls + {bars.margin:g}"
    return dataclasses.replace(found, controls={"seen": seen, **controls}, rule=rule)
