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

Read it with the dotted line of the figure ``mass``: a network that does not trace a ring of plain
tokens either says nothing about priors. Tried before, on one seed: of width 48, 400 steps leave it
so (mass 0.1 to 0.2 on the next plain token), while the calendar is learned to 0.99.

Changed after a review, before any results: ``no calendar`` is measured at the layer of its own
claim, the shares and the delay are judged against the neighbour mix and plain tokens, the reserved
days against the mix too, components 3 and 4 have a chance of 1/2, and dead networks count as dead.

Source: Park et al. 2025 (arXiv:2501.00070), days of the week.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import polars as pl
import polars.selectors as cs

from toylab.errors import check_number
from toylab.members import grid, seeds
from toylab.models import Transformer
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.taps import Params
from toylab.tasks.in_context.graph_calendar import SharedCalendar
from toylab.tasks.in_context.graph_tracing import GraphTracing

from ..graph_network import SMOKE, Network, main
from . import rings
from .claims import CLAIMS

WALKS = 401  # seed of the walks


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
    """One kind of network: the seeds of its members, which died, and weights."""

    name: str
    seed_P: np.ndarray
    dead_P: np.ndarray
    last: Params
    first: Params


def networks(config: Config, run: RunFolder) -> Iterator[Kind]:
    """Yield each kind of network, with its weights at the end and at the start."""
    for population in populations(config):
        table = run.members(population)
        last, first = run.params(population), run.params(population, 0)
        seed_P, dead_P = table["init_seed"].to_numpy(), run.dead_at(population) >= 0
        if population == "main":
            kinds = {"reserved": np.arange(len(seed_P))}
        else:
            is_dated = (table["calendar_share"] > 0).to_numpy()
            kinds = {
                "shared": np.flatnonzero(is_dated),
                "no calendar": np.flatnonzero(~is_dated),
            }
        for name, rows in kinds.items():
            start = rings.members(first, rows)
            end = revived(rings.members(last, rows), start, dead_P[rows])
            yield Kind(name, seed_P[rows], dead_P[rows], end, start)


def revived(last: Params, first: Params, dead_P: np.ndarray) -> Params:
    """Weights with those of dead members as at the start, from which all numbers are finite."""

    def swap(end: np.ndarray, start: np.ndarray) -> np.ndarray:
        return np.where(dead_P.reshape(-1, *[1] * (end.ndim - 1)), start, end)

    return jax.tree.map(swap, last, first)


def blank(table: pl.DataFrame, dead_seeds: np.ndarray) -> pl.DataFrame:
    """The table with NaN for every number of a dead member; verdicts count these as dead."""
    is_dead = pl.col("init_seed").is_in(dead_seeds.tolist())
    number = cs.float()
    return table.with_columns(pl.when(is_dead).then(number * np.nan).otherwise(number))


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Walk the calendar and the permuted rings, and tell planes and masses."""
    task, model = config.world(), populations(config)["main"].model
    assert isinstance(model, Transformer)
    tables: dict[str, list[pl.DataFrame]] = {"planes": [], "mass": [], "points": []}
    for name, seed_P, dead_P, last, first in networks(config, run):
        add = lambda kind, table, dead=seed_P[dead_P]: tables[kind].append(blank(table, dead))
        shown = [int(dead_P.argmin())]  # of the pictures: the first member alive
        for tokens, stride in itertools.product(("calendar", "plain"), (1, *rings.STRIDES)):
            if stride == 1 and tokens == "plain":
                continue
            walks = rings.draw_walks(
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
            add("points", rings.point_table(means[shown], seed_P[shown], **labels))
    return {name: pl.concat(parts) for name, parts in tables.items()}


study = Study(
    name="graph_tracing_prior",
    title="Graph tracing: a calendar in the weights against a ring in the context",
    paper="Park et al. 2025 (arXiv:2501.00070)",
    presets={
        "smoke": Config(
            **(SMOKE | {"length": 28, "sizes": (8,), "rungs": 2}),
            seeds=2,
            families=("ring",),
            walks=14,
        ),
        "laptop": Config(),
        "paper": Config(
            seeds=10,
            n_tokens=64,
            length=252,
            depth=4,
            width=128,
            heads=8,
            steps=10_000,
            learning_rate=1e-3,
            sizes=(10, 16),
            walks=448,
        ),
    },
    costs={
        "smoke": "180 model-steps; compiling takes most of it",
        "laptop": "9,000 model-steps, 18 TFLOP: 8 minutes",
        "paper": "300,000 model-steps, 10 PFLOP, about; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
