"""Methods that ask what networks know of a world, each judged on one that is known.

    toylab run methods_worlds

Three worlds. Of a map networks see only which places lie near, north or east of others: is space in
their embeddings beyond what is smooth, do geometry and directions of one network fit another's, and
do inputs made for an answer find its place, or tokens never seen? Of two corpora half of the
units are to tell two patterns, one of each: do inputs made for a unit show its patterns, and does
it tell another story in each corpus? Of a language some words are bad and said when provoked: which
hundredth of the weights says them? Every method has a null or a control.

Did not reproduce: pruning. Without the hundredth of the weights that signed scores name 68% of the
bad words are gone, not four fifths, and 37%, not half, by the scores of the other topic; random
weights take none. Places are read at an R2 of 0.91, but smooth random fields at up to 0.90, so that
reading alone tells nothing of space, and whether there is more than smoothness is open (0.015,
-0.009 to 0.042); moving along the probe's direction does tell. Tokens never seen lie at the mean
without weight decay as well, as those that are seen move away.

Source: Gurnee and Tegmark 2023 (2310.02207); Lee et al. 2025 (2503.21073); Bolukbasi et al. 2021
(2104.07143); Wei et al. 2024 and Orgad et al. 2026 (2604.09544); Rumbelow and Watkins 2023.
"""

from collections.abc import Mapping

import polars as pl

from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study

from ..methods.settings import Config
from . import illusion, maps, pruning

PARTS = (maps, illusion, pruning)


def populations(config: Config) -> dict[str, Population]:
    """The networks of every part."""
    return {name: own for part in PARTS for name, own in part.populations(config).items()}


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame]:
    """The tables of every part."""
    return {name: own for part in PARTS for name, own in part.measure(config, run).items()}


study = Study(
    name="methods_worlds",
    title="Methods that look at what networks know of a world, each on one that is known",
    paper="Gurnee and Tegmark 2023, Language Models Represent Space and Time, and others",
    presets={
        "smoke": Config(seeds=2, share=0.01, samples=32),
        "laptop": Config(),
        "paper": Config(seeds=32, share=4.0, samples=2_048),
    },
    costs={
        "smoke": "60 steps; compiling takes most of it",
        "laptop": "80 small networks, 6,000 steps: 1 minute",
        "paper": "160 small networks, 24,000 steps: half an hour on one GPU; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=tuple(claim for part in PARTS for claim in part.CLAIMS),
)
