"""Methods that follow attention, each judged on networks of which the truth is known.

    toylab run methods

Four kinds of small transformers. One knows facts, and one layer alone can move the subject to where
the answer is read: does attention knock-out find that layer? One copies by a head that finds copies
by what an earlier head tells it: does a joint space of queries and keys show what is
attended to, and do communication scores find what is told? One learns from short dialogues to speak
the dialect that the first token names, and drifts in long ones: does split-softmax hold it? One
applies a shift that examples tell: does a function vector tell it without them, and do the vectors
of shifts add up as shifts do? Every method has a control that must not do as well.

What is done otherwise. The papers work on language models, where the truth is not known. Queries
are made three times as long and keys a third, which changes no attention, so that a scale has to be
found. The communication of single components is measured by the directions that a head writes.

Left open: function vectors. What four heads write has 25% of symbols answered (14% to 64% of what
examples have), where examples have all and nothing has 11%; vectors add up, but one direction alone
does as much. Of sixteen copiers fourteen look one place after a copy, one looks four places after,
where tokens 4 and 3 back have been brought to match and to write, and one spreads over such places:
in the other fifteen the nearest key is the one attended to in 94% to 100%, and the closed form is
the best scale but once; the one leaves both claims open. A quarter of the components carries 0.66
of the score, but as many random directions 0.15, above their share of 0.125. Split-softmax takes
away 32% of the drift (29.7% to 34.7%, where 30% is asked).

Tried: without layer norms the closed form fails (0.06, best 0.47). Pairs as two tokens, or without
blank examples, leave less to function vectors. Copiers with learned positions, and nothing before
the segment, copied by recency in one of eight, and left all four claims open; with other tokens
before it and learned positions three of eight pilots had an induction head after 9,000 steps (0.65
or more of its attention), with rotary ones all eight after 6,000. Judged with sixteen of them, the
heads were first taken for induction one place on. Before the first judged run pilots on other seeds
changed three conditions: an induction head is one of three times even attention (it was half of
all), the pairs beside keys are queries and values of the same two heads, and random directions
carry their share of the stream (it was 5%).

Source: Geva et al. 2023 (2304.14767); Yeh et al. 2023 (2305.03210); Li et al. 2024 (2402.10962);
Merullo et al. 2024 (2406.09519); Todd et al. 2023 (2310.15213).
"""

from collections.abc import Mapping

import polars as pl

from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study

from . import attention, copying, dialogue, mapping
from .settings import Config

PARTS = (attention, copying, dialogue, mapping)


def populations(config: Config) -> dict[str, Population]:
    """The networks of every part."""
    return {name: own for part in PARTS for name, own in part.populations(config).items()}


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame]:
    """The tables of every part."""
    return {name: own for part in PARTS for name, own in part.measure(config, run).items()}


study = Study(
    name="methods",
    title="Methods that follow attention, each on networks of which the truth is known",
    paper="Geva et al. 2023, Dissecting Recall of Factual Associations, and others",
    presets={
        "smoke": Config(seeds=2, share=0.003, samples=32),
        "laptop": Config(),
        "paper": Config(seeds=32, share=4.0, samples=2_048),
    },
    costs={
        "smoke": "44 steps; compiling takes most of it",
        "laptop": "112 small networks, 12,000 steps: 8 minutes",
        "paper": "224 small networks, 60,000 steps: an hour on one GPU; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=tuple(claim for part in PARTS for claim in part.CLAIMS),
)
