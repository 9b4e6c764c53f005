"""Mode connectivity: what lies on the straight line between two networks.

    toylab run mode_connectivity

Two networks that learned the same task have as a rule a barrier between them: halfway along the
straight line of their parameters the loss is high. Ainsworth et al. (Git Re-Basin) find that most
of it is a matter of the order of hidden units: with the units of one network permuted to match the
other's, wide networks lie in one basin. Frankle et al. find that runs from one start end in one
basin too if they share the first part of training; Singh et al. see a mountainside with ridges, on
which runs that leave the summit in different directions are soon apart. Here small perceptrons
learn classes of Gaussian blobs, a fifth of the labels drawn anew but in one arm, in pairs:
independent ones of several widths and depths, and twins that share their first steps.

Units are pairs that share no network. A barrier is the largest excess, at 25 points, of the loss
over the straight line between the losses of the ends, on fresh points of the same law and in
float64; it stands beside the error's, against clean labels, as a loss can be high for the scale of
logits alone. Controls are a random order of units and matching by activations. What a barrier is
made of is exact for smooth networks: minus the curvature along the line, weighted by Green's
function (:mod:`toylab.analysis.landscape.path`). The ridge is a toy of two parameters with a law
for how often two runs part.

What is done otherwise: no images, no Adam, no norms; at a fork the momentum begins anew. Twins part
only at a large rate, which they alone have. The text of Singh et al. was known in part, and neither
the ridge nor Green's identity is theirs.

Did not reproduce: stable twins. Twins that share a fifth of training keep 2% of the barrier of test
loss, but 15% of that of the training loss, as averaging undoes some fitting of wrong labels; the
test loss alone was judged at first. Single layers have barriers: 60% of the whole for the first of
four, less for those after it. A ridge between twins that no order removes was expected here;
matching leaves 7% of it, so even twins part by the order of units. Nothing vanishes: the paper's
zero is of networks twice as wide. Nor is less left of wider networks' barriers: of the test loss a
quarter of what is left of the narrowest, but of the training loss 12% to 15% at every width from 32
on, 0.83 of it (the test loss alone was judged at first).

Clean labels are needed for the barrier after matching to rise and fall: it is largest after 14
steps or so, and 11% of that is left at the end. Where a fifth is drawn anew 86% is left in the mean
(32% to 100%, by pair). Whether that is through the wrong labels that are fitted is open: of the
error against clean labels 0.36 more is left than with clean ones (0.27 to 0.46, where 0.3 is
asked). Wrong labels alone were judged first, by which the claim of a fall had failed.

Tried: losses on clean fresh points, where a barrier is also one of too little confidence. Clean
labels throughout, three pairs each: matching leaves 9%, 3% and 3% at widths 16, 64 and 256, and of
Adam's networks 9% at width 64. Twins at rates of 0.1 to 0.4: at 0.1 they stay together with nothing
shared, at 0.3 the barrier is below the 0.1 nats asked for. Sixteen pairs, judged first, left open
whether wider networks are left with less (0.29, 0.17 to 0.54 of the share of narrow ones).

Sources: Singh, Adilova, Kamp, Fischer, Schölkopf and Hofmann 2024 (arXiv:2406.16300); Ainsworth,
Hayase and Srinivasa 2023 (arXiv:2209.04836), with their code; Frankle et al. 2020
(arXiv:1912.05671); Adilova et al. 2024 (arXiv:2307.06966), with their code.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.analysis.matching.pairs import ORDERS, Pair, pairs_of
from toylab.read.tables import labelled, stacked
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.mode_connectivity.exam import Exam, draw_exam
from toylab.tasks.mode_connectivity.ridge import barriers_by_sharing, descents

from .arms import Arm, Config, arms, populations
from .claims import CLAIMS
from .lines import SOME, bends, layers, lines, plane


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Lines between the networks of every pair, single layers, curvature, and the ridge."""
    exams = [draw_exam(config.world(clean), config.tests) for clean in (False, True)]
    views: dict[str, np.ndarray] = {}
    parts: list[dict[str, pl.DataFrame]] = []
    for arm in arms(config):
        exam = exams[arm.clean]
        about = {"width": arm.width, "depth": arm.depth, "forked": arm.fork / config.steps}
        for step, kinds, pairs in watched(arm, run, exam):
            table, line_NMT = lines(arm.model, pairs, exam)
            parts += [{"lines": labelled(table, kind=kind, step=step, **about)} for kind in kinds]
            if "deepest" in kinds:
                parts.append({"layers": layers(arm.model, pairs, exam)})
            if "smooth" in kinds:
                parts.append({"bends": bends(arm.model, pairs, exam)})
            if "time" in kinds and pairs[0].names == ORDERS:
                views = plane(arm.model, pairs, line_NMT, exam, config.grid)
    ridge = barriers_by_sharing(config.seeds, config.runs, config.shared)
    return stacked(parts) | views | {"ridge": ridge, "descents": descents(config.shared)}


def watched(
    arm: Arm, run: RunFolder, exam: Exam
) -> Iterator[tuple[int, tuple[str, ...], list[Pair]]]:
    """Yield the steps at which an arm is looked at, for which comparisons, and its pairs."""
    lost_P, steps = run.dead_at(arm.name) >= 0, run.steps(arm.name)
    for step in steps if arm.over_time else steps[-1:]:
        last = step == steps[-1]
        names = ORDERS if last and arm.fork < 0 else SOME
        params_P = run.params(arm.name, step)
        pairs = pairs_of(arm.model, params_P, lost_P, exam.train.inputs, names)
        yield step, arm.kinds if last else arm.over_time, pairs


QUICK: Mapping[str, Any] = {"grid": 5, "runs": 20, "shared": (0, 10)}
study = Study(
    name="mode_connectivity",
    title="Mode connectivity: barriers between networks, and what matching their units leaves",
    paper="Singh et al. 2024 (arXiv:2406.16300); Ainsworth et al. 2023 (arXiv:2209.04836)",
    presets={
        "smoke": Config(
            seeds=2,
            widths=(8, 64),
            depths=(1, 3),
            examples=400,
            steps=20,
            batch_size=16,
            forks=(0, 4),
            snapshots=3,
            tests=100,
            **QUICK,
        ),
        "laptop": Config(),
        "paper": Config(
            seeds=32,
            widths=(16, 64, 256, 512, 1_024),
            depths=(1, 2, 3),
            width=512,
            examples=60_000,
            steps=12_000,
            batch_size=500,
            forks=(0, 120, 600, 2_400, 6_000),
            tests=10_000,
        ),
    },
    costs={
        "smoke": "a few hundred steps of networks of 64 units; compiling takes most of it",
        "laptop": "1.3 million model-steps of 1 to 8 MFLOP: 1 minute; measures: 1",
        "paper": "960 networks of up to 0.5 million parameters: 2 PFLOP, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
