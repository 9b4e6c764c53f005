"""Graph tracing against a prior: a calendar in the weights, another ring in the context.

    toylab run graph_tracing_prior

Language models know the order of the days. Shown walks on a ring of the same days in another
order, their class means keep the calendar in principal components 1 and 2 and show the new ring in
3 and 4 (Park et al.). Small networks are trained here on walks over fresh graphs, and in three
sequences of ten on a ring of seven tokens that never changes. They are then shown those tokens on a
permuted ring. Which plane of the class means carries which ring, and which do the predictions
follow?

Three kinds of network:

* ``reserved``: the seven tokens are seen in the calendar's order and nowhere else.
* ``shared``: they also stand on the fresh graphs, as the names of days do in other texts.
* ``no calendar``: the same, but no sequence ever follows the calendar. The control.

The permuted rings join days two apart, or three: these two and the calendar have no common edge,
and their planes are orthogonal, so that a claim about one is none about another. Results are means
over both; the ring that is not walked is the control beside each number. So are the untrained
network and one neighbour mix, along the walked ring, of the network's own embeddings. Walks do not
turn back, so on a ring they go round, half of them in each direction.

Did not reproduce: the calendar in components 1 and 2. In five networks of the laptop preset the
embeddings of reserved days overlap the calendar's plane by 0.30 only (chance 1/3), although the
next day is predicted with 0.997: these networks know the calendar without laying it out as a ring.
So what the paper says of a prior's geometry has no prior to start from, and claims about it require
one. The walked ring's share of the variance falls from round to round (by 0.25), and reserved days
are never followed off the calendar. The calendar's plane did not hold more of the variance than the
walked ring's. Components 3 and 4 overlap the walked ring by 0.41 where days are shared, below the
0.5 of chance. That this exceeds their overlap in one neighbour mix by 0.40 was a claim once, but
cannot fail: a mix along a ring puts that ring into components 1 and 2, and leaves 3 and 4 empty.

Tried: on one seed, of width 48, 400 steps leave a network that does not trace a ring of plain
tokens either (mass 0.1 to 0.2 on the next), while the calendar is learned to 0.99; such a network
says nothing about priors. Several relations on the same tokens were not tried.

Source: Park et al. 2025 (arXiv:2501.00070), days of the week.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import polars as pl

from toylab.errors import check_number
from toylab.members import grid, seeds
from toylab.models import Transformer
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.taps import Params
from toylab.tasks.in_context.graph_calendar import SharedCalendar
from toylab.tasks.in_context.graph_tracing import GraphTracing
from toylab.tasks.in_context.ring_walks import STRIDES, draw_walks

from ..graph_network import PAPER, SMOKE, Network, main
from . import rings
from .claims import CLAIMS
from .readings import best_layer

WALKS = 401  # seed of the walks
TOKENS = ("calendar", "plain")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Network):
    """The network's settings, and the calendar."""

    n_tokens: int = 16
    length: int = 63  # nine rounds
    steps: int = 600
    rungs: int = 2
    families: tuple[str, ...] = ("ring", "regular")
    sizes: tuple[int, ...] = (8, 10, 12, 14, 16)
    calendar_share: float = 0.3
    walks: int = 112  # on each ring

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("graph_tracing_prior", "walks", self.walks, low=1, whole=True)

    def world(self, **changes: Any) -> GraphTracing:
        """Fresh rings and regular graphs, and a calendar of seven reserved tokens."""
        share = {"calendar": rings.DAYS, "calendar_share": self.calendar_share}
        fresh = {"families": self.families, "held_out": ()}
        return super().world(**(fresh | share | changes))


def populations(config: Config) -> dict[str, Population]:
    """Networks with reserved days, and with shared ones that have a calendar or have none."""
    reserved = main(config)
    world = dataclasses.asdict(config.world())
    shares = seeds(config.seeds) * grid(calendar_share=(config.calendar_share, 0.0))
    shared = dataclasses.replace(reserved, task=SharedCalendar(**world), members=shares)
    return {"main": reserved, "shared": shared}


class Kind(NamedTuple):
    """One kind of network: the seeds of its members, which diverged, and weights."""

    name: str
    seed_P: np.ndarray
    diverged_P: np.ndarray
    last: Params
    first: Params


def networks(run: RunFolder) -> Iterator[Kind]:
    """Yield each kind of network, with its weights at the end and at the start."""
    for population in ("main", "shared"):
        table = run.members(population)
        lost_P = run.dead_at(population) >= 0
        kind_P = np.full(len(table), "reserved")
        if population == "shared":
            kind_P = np.where(table["calendar_share"].to_numpy() > 0, "shared", "no calendar")
        for name in dict.fromkeys(kind_P):
            mine = kind_P == name
            of = lambda step, mine=mine, p=population: jax.tree.map(
                lambda leaf: leaf[mine], run.params(p, step)
            )
            yield Kind(name, table["init_seed"].to_numpy()[mine], lost_P[mine], of(None), of(0))


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Walk the calendar and the permuted rings; measure planes and masses."""
    task, model = config.world(), main(config).model
    assert isinstance(model, Transformer)
    tables: dict[str, list[pl.DataFrame]] = {"planes": [], "mass": [], "points": []}
    for name, seed_P, lost_P, last, first in networks(run):
        lost = pl.col("init_seed").is_in(seed_P[lost_P].tolist())
        add = lambda kind, table, lost=lost: tables[kind].append(table.with_columns(diverged=lost))
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
            families=("ring",),
            walks=14,
        ),
        "laptop": Config(),
        "paper": Config(**PAPER, length=252, sizes=(10, 16), walks=448),
    },
    costs={
        "smoke": "180 model-steps; compiling takes most of it",
        "laptop": "14,400 model-steps, 29 TFLOP: 12 minutes",
        "paper": "300,000 model-steps, 10 PFLOP, about; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
