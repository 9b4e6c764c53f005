"""Graph tracing against a prior: a calendar in the weights, another ring in the context.

    toylab run graph_tracing_prior

Language models know the order of the days. Shown walks on a ring of the same days in another
order, their class means keep the calendar in principal components 1 and 2 and show the new ring in
3 and 4 (Park et al.). Small networks are trained here on walks over fresh graphs, and in four
sequences of ten on seven tokens with a calendar that never changes. They are then shown those
tokens on a permuted ring. Which plane of the class means carries which ring, and which do the
predictions follow?

Three kinds of network:

* ``reserved``: the seven tokens are seen in the calendar's sequences and nowhere else.
* ``shared``: they also stand on the fresh graphs, as the names of days do in other texts.
* ``no calendar``: the same, but no sequence ever follows the calendar. The control.

They are trained in three phases, so that both can be learned and the prior is in the weights. First
on fresh graphs alone, with a weight decay that leaves the embeddings small. Then eight sequences of
ten name days near one day, in any order: it is because near days stand together in texts that
embeddings lay them out as a ring (Karkada et al.). At last two thirds of the calendar's sequences
go round it. Claims require that a network knows the calendar, traces rings of other tokens, and,
where they are of geometry, that its embeddings lie on the calendar.

The permuted rings join days two apart, or three: these two and the calendar have no common edge,
and their planes are orthogonal, so that a claim about one is none about another. Masses are means
over both; geometry is of days two apart, as where days three apart follow each other those with a
common neighbour are next in the calendar. The ring that is not walked is the control beside each
number. So are the untrained network and one neighbour mix, along the walked ring, of the network's
own embeddings. Walks do not turn back, so on a ring they go round, half of them in each direction.

Did not reproduce: a calendar that stays in components 1 and 2. Shared days' embeddings lie on it
(overlap 0.93), the networks know it (0.82) and trace other rings (0.90), but late in a permuted
ring their class means after the first block overlap its plane by 0.30, and the ring's by 0.54. The
ring is there from the first round on, and its share falls. Days that were only ever seen in the
calendar's sequences do not follow a permuted ring: 0.94 of the mass stays on the calendar's
neighbours, where shared days put 0.79 on the ring's next day. Whether their geometry keeps the
calendar cannot be tested, as their embeddings do not all lie on it (0.77, 0.63 to 0.89). Left open:
whether networks know the calendar before the first round is over (0.80, 0.77 to 0.83; 0.8 is
asked), the walked ring in components 3 and 4 (0.31, 0.10 to 0.74), and whether the prior delays
what follows the ring (-0.02, -0.12 to 0.11).

Read again after the first look, from the same networks: geometry was a mean over both permuted
rings, of which half was the calendar after the second block, by 0.92 to 1.00 on the one ring and
0.00 to 0.19 on the other. Networks that never saw a calendar have the third ring there as well. On
a ring a walk comes next to the token not seen for longest, so that recency alone could trace it:
but soon after a walk has turned round, these networks put 0.74 to 0.89 of the mass, in the mean of
each kind, on the token ahead (0.64 to 0.92 each) and 0.04 or less on that one. Trained on rings
whose walks turn (at 0.1 of the steps; four pilots), they do not learn to trace within these phases:
where a calendar is learned too, the next token has 0.1 of the mass.

Tried: networks of one to four seeds each. Of width 48, 400 steps leave a network that does not
trace a ring of plain tokens either. Trained in one phase, on walks round the calendar or on days
near one day as well, networks knew the calendar and traced, but their embeddings stayed as random
as they began (overlaps of 0.1 to 0.5), as what reads them can learn the ring instead. Days first
laid the embeddings out (0.95 to 1.00), but then seven of eight networks, of several settings, did
not learn to trace within 800 steps, and shared days lost the ring. Calendar last, with a weight
decay of 1, gave 0.45. In three phases with a decay of 0.1 in the second eight networks ended at
0.56 and 0.60; 600 steps of it for 150 made it worse (0.85 to 0.77 in the mean of two), a decay of 1
over 300 steps better (0.84 to 0.96, four networks), and a decay of 3 took the tracing from most.
With a decay of 1 eight judged networks kept 0.90 where days are reserved, but four of them 0.47 to
0.78 where they are shared; hence more days in the second phase, and more steps in the last.

Source: Park et al. 2025 (arXiv:2501.00070), days of the week; Karkada et al. 2026
(arXiv:2602.15029), why embeddings of months are a ring.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from toylab.errors import check_counts, check_number
from toylab.models import Transformer
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.taps import Params
from toylab.tasks.in_context.graph_calendar import NearDays, SharedCalendar
from toylab.tasks.in_context.ring_walks import STRIDES, TURN, draw_walks

from ..graph_network import PAPER, SMOKE, Network, main
from . import rings
from .claims import CLAIMS
from .readings import CLEAN, best_layer

WALKS = 401  # seed of the walks
TOKENS = ("calendar", "plain")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Network):
    """The network's settings, and the calendar.

    ``steps``, ``learning_rate`` and ``weight_decay`` are those of the last of three phases.
    """

    n_tokens: int = 16
    length: int = 63  # nine rounds
    steps: int = 650
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    rungs: int = 2
    families: tuple[str, ...] = ("ring", "regular")
    sizes: tuple[int, ...] = (8, 10, 12, 14, 16)
    calendar_share: float = 0.4
    near_share: float = 0.35  # of the calendar's sequences: days near one day
    focus: float = 2.0
    trace_steps: int = 400  # of the first phase: fresh graphs alone
    trace_rate: float = 4e-3
    trace_decay: float = 1.0  # leaves embeddings small, for days to lay out
    near_steps: int = 300  # of the second: days near one day, in most sequences
    near_rate: float = 8e-3
    near_decay: float = 1.0  # takes from embeddings what these sequences do not hold up
    early_share: float = 0.8  # of sequences, which then are of days
    walks: int = 112  # on each ring

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("graph_tracing_prior", "walks", self.walks, low=1, whole=True)
        check_counts("graph_tracing_prior", self, "trace_steps", "near_steps")

    def world(self, **changes: Any) -> NearDays:
        """Fresh rings and regular graphs, and a calendar of seven reserved tokens."""
        settings = {name: getattr(self, name) for name in ("n_tokens", "sizes", "length", "walk")}
        settings |= {"families": self.families, "held_out": (), "calendar": rings.DAYS}
        settings |= {n: getattr(self, n) for n in ("calendar_share", "near_share", "focus")}
        return NearDays(**(settings | changes))


def populations(config: Config) -> dict[str, Population]:
    """Networks with reserved days, with shared ones, and without a calendar, phase by phase."""
    of = functools.partial(_phase, config)
    near = {"calendar_share": config.early_share, "near_share": 1.0}
    fast = {"steps": config.near_steps, "learning_rate": config.near_rate}
    slow = {"steps": config.trace_steps, "learning_rate": config.trace_rate}
    reserved, undated = config.world(), config.world(calendar_share=0.0)
    shared = SharedCalendar(**dataclasses.asdict(reserved))
    found = {"traced": of(undated, "", weight_decay=config.trace_decay, **slow)}
    for name, world in (("main", reserved), ("shared", shared)):
        days, early = dataclasses.replace(world, **near), f"{name}, days"
        found[early] = of(days, "traced", weight_decay=config.near_decay, **fast)
        found[name] = of(world, early)
    return found | {"undated": of(undated, "traced", steps=config.near_steps + config.steps)}


def _phase(config: Config, world: NearDays, start: str, **changes: Any) -> Population:
    """Networks that go on in a world from where another population ended."""
    trained = main(dataclasses.replace(config, **changes))
    return dataclasses.replace(trained, task=world, start=start)


KINDS = {"main": "reserved", "shared": "shared", "undated": "no calendar"}


class Kind(NamedTuple):
    """One kind of network: the seeds of its members, which diverged, and weights."""

    name: str
    seed_P: np.ndarray
    diverged_P: np.ndarray
    last: Params
    first: Params


def networks(run: RunFolder) -> Iterator[Kind]:
    """Yield each kind of network, with its weights at the end and before any training."""
    for population, name in KINDS.items():
        seed_P = run.members(population)["init_seed"].to_numpy()
        lost_P = run.dead_at(population) >= 0
        yield Kind(name, seed_P, lost_P, run.params(population), run.params("traced", 0))


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Walk the calendar and the permuted rings; measure planes and masses."""
    task, model = config.world(), main(config).model
    assert isinstance(model, Transformer)
    tables: dict[str, list[pl.DataFrame]] = {k: [] for k in ("planes", "mass", "points", "turned")}
    for name, seed_P, lost_P, last, first in networks(run):
        lost = pl.col("init_seed").is_in(seed_P[lost_P].tolist())
        add = lambda kind, table, lost=lost: tables[kind].append(table.with_columns(diverged=lost))
        plain = rings.token_of(task, name, "plain")
        turning = draw_walks(config.world(turn=TURN), plain, CLEAN, config.walks, WALKS)
        p_PBLV, _ = rings.look(model, last, turning)
        add("turned", rings.turned_table(turning, p_PBLV, seed_P, network=name))
        for tokens, stride in (("calendar", 1), *itertools.product(TOKENS, STRIDES)):
            walks = draw_walks(
                task, rings.token_of(task, name, tokens), stride, config.walks, WALKS + stride
            )
            labels = {"network": name, "tokens": tokens, "stride": stride}
            p_PBLV, acts = rings.look(model, last, walks)
            add("mass", rings.mass_table(walks, p_PBLV, seed_P, **labels))
            if stride == 1:
                continue
            means = rings.day_means(walks, acts)
            before = rings.day_means(walks, rings.look(model, first, walks)[1])
            mix = rings.mixed(last["embed"]["embedding"], walks)[:, None, None]
            for source, vectors in (("network", means), ("untrained", before), ("mixing", mix)):
                add("planes", rings.plane_table(vectors, stride, seed_P, source=source, **labels))
            shown = [int(lost_P.argmin())]  # of the pictures: the first finite member
            add("points", rings.point_table(means[shown], seed_P[shown], **labels))
    found = {name: pl.concat(parts) for name, parts in tables.items()}
    layer = {name: best_layer(found, name) for name in found["planes"]["network"].unique()}
    chosen = pl.col("layer") == pl.col("network").replace_strict(layer)
    return found | {name: found[name].with_columns(chosen=chosen) for name in ("planes", "points")}


study = Study(
    name="graph_tracing_prior",
    title="Graph tracing: a calendar in the weights against a ring in the context",
    paper="Park et al. 2025 (arXiv:2501.00070)",
    presets={
        "smoke": Config(
            **dict(SMOKE, length=28, sizes=(8,), rungs=2),
            seeds=2,
            trace_steps=10,
            near_steps=10,
            families=("ring",),
            walks=14,
        ),
        "laptop": Config(),
        "paper": Config(
            **PAPER,
            length=252,
            sizes=(10, 16),
            walks=448,
            trace_steps=10_000,
            trace_rate=1e-3,
            near_steps=3_000,
            near_rate=2e-3,
            near_decay=0.4,
        ),
    },
    costs={
        "smoke": "300 model-steps; compiling takes most of it",
        "laptop": "26,000 model-steps, 55 TFLOP: 16 minutes",
        "paper": "490,000 model-steps, 16 PFLOP, about; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
