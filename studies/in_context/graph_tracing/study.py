"""Graph tracing: do representations mirror a graph that stands in the context only?

    toylab run graph_tracing

Park et al. showed language models long walks on a graph whose nodes carry unrelated words: their
representations rearrange into the graph, and accuracy rises suddenly. Here small transformers are
trained from scratch on walks over fresh random graphs with fresh tokens, square grids held out, so
that nothing is known of the graph but what the context shows. On walks over held-out grids this
study measures, by length of context, how much mass goes to neighbours, compared with predictors
that only count, and how far the mean representations of nodes, by layer, lie like the grid.

What is done otherwise. Walks do not turn back, so that naming the previous node is never right.
Energies are of centred pairs (Lepori et al.), as the paper's own fall when all vectors share a
growing mean. Class means early and late are of equally many visits, as means of few visits share
their recent context, which alone draws some of the graph; a window stands at the mean place of the
visits that it uses. Controls are one step of neighbour mixing of the network's own embeddings, the
untrained network, the same tokens in random order, and counters of bigrams. The layer is chosen on
one grid and judged on others.

Did not reproduce: geometry, in networks that know the graph. All eight come within 0.05 nats of the
undirected counter, five of them 0.09 below it, and put 97% of their mass on neighbours; a copier
puts 99.9% there, so that no network could be seen to put more. But at the end of the context the
energy of the node means is 0.96 of chance (neighbour mixing of their embeddings 0.57), and
distances correlate with the grid's at 0.28. The energy is higher after the second block than after
the first. That may be because a list of a node's neighbours, which prediction needs, is unlike
those of the neighbours: on a grid two nodes side by side have none in common. Contexts of 128 are a
tenth of the paper's.

Found: all eight do induction, but three of them 13 or 14 places on. A head of the second block
gives 0.97 or more of its attention to the places k after visits to the present node, where heads of
the first have looked k back, which matches, and k - 1 back, which is what followed. With k = 1 the
first block mixes in neighbours, and distances correlate with the grid's at 0.31 to 0.53; with k of
13 or 14 it mixes in nodes a long walk away, and there is no grid. Of four pilots two have k = 1,
the others 3 and 9. So a network can know the graph as well as the counter does without a layout
like it. This was seen in the judged networks first; fresh ones must test it.

Left open: whether networks beat the counter, as just the five with k = 1 do; what training adds to
the late correlation (0.28, 0.03 to 0.48); whether the first block looks at the previous token in
all (lags from 1 to 14); and the exponent of the place where mass reaches a half, 0.21 below the
counter's (0.06 to 0.37, where 0.3 is allowed). Where the energy hardly falls nothing tells whether
it falls late, or before accuracy rises. Ruled out: recency. A walk that does not turn back goes
round a ring, and the next node is that not seen for longest, whatever the ring's size, so that a
third of the training could be had by attention by distance alone. But soon after a walk on a ring
of 16 has turned round, all eight put 0.90 to 0.97 of the mass on the node ahead and 0.003 or less
on that one. (The four pilots were trained on rings whose walks turn at 0.1 of the steps, and three
of them learned.)

Tried: one seed each. Of 64 tokens, with batches of 32, no induction formed within 3,000 steps. Of
20 tokens, with batches of 64 and graphs of 10 or 16 nodes, it formed within 500 steps in one seed
and not in another: it solved rings by attending 9 and 15 places back, and nothing else. With graphs
of 8, 12, 16 and 20 nodes it formed after 250, but 570 steps of a shorter schedule ended at a rule
mass of 0.54, and of the latest 14 steps of a walk nothing was used, as the first block looked 15
places back. Hence more sizes, more steps, and the table of lags. Small networks trained without
rings found no induction within 400 steps. After 1,000 steps five judged networks were 0.24 nats
above the counter; after 2,000 two networks of other seeds were within 0.05 of it, hence as many
steps now. Two segments fit accuracy over log context better than one, but no more clearly than they
do on the smooth curve of a counter: that test is left out.

Source: Park et al. 2025 (arXiv:2501.00070); Lepori et al. 2026 (arXiv:2602.04212) for measures;
Arditi 2026 (ICLR blog track) for neighbour mixing.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.analysis.geometry.layout import layout
from toylab.analysis.geometry.measures import spectral_embedding
from toylab.analysis.geometry.nulls import neighbour_mix
from toylab.analysis.geometry.windows import Windows, visited_places, windowed_means, windows
from toylab.errors import check_counts, check_number
from toylab.models import Transformer
from toylab.population import Population
from toylab.read.tables import labelled, stacked
from toylab.runs.run_folder import RunFolder
from toylab.stats.crossings import binned
from toylab.stats.means import finite_mean
from toylab.study import Study
from toylab.taps import Params
from toylab.task import Batch
from toylab.tasks.in_context.given_walks import draw_walks
from toylab.tasks.in_context.graph_tracing import GraphTracing, shuffled
from toylab.tasks.in_context.graphs import rectangle
from toylab.tasks.in_context.ring_walks import TURN
from toylab.tasks.in_context.ring_walks import draw_walks as ring_walks

from .. import graph_network as net
from . import curves as c
from . import unfolding as u
from .claims import CLAIMS
from .readings import GRID
from .through import attention_tables, counters, over_groups, through, turned_table

WALKS = 500  # seed of the walks, plus the network's own
RING = 16  # nodes of the ring on which walks turn round


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(net.Network):
    """The network's settings, and how it is judged."""

    groups: int = 5  # assignments of tokens to each kind of graph; the first chooses the layer
    walks: int = 128  # of each group
    window: int = 8  # places of the context that class means pool
    windows: int = 10
    visits: int = 20  # of each node in each window
    bins: int = 24  # of the context, log-spaced

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts("graph_tracing", self, "groups", "windows", "bins", low=2)
        check_counts("graph_tracing", self, "walks", "visits")
        check_number("graph_tracing", "window", self.window, 1, self.length - 3, whole=True)

    def judged(self) -> GraphTracing:
        """The world with room for all rectangles that its tokens suffice for."""
        return self.world(sizes=tuple(n for n in (16, 20) if n <= self.n_tokens))

    @property
    def cuts(self) -> Windows:
        """The windows of class means."""
        return windows(self.length, self.window, self.windows, self.visits)


def populations(config: Config) -> dict[str, Population]:
    """The network that traces graphs."""
    return {"main": net.main(config)}


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Judge every network on walks of its own."""
    seeds = map(int, run.members("main")["init_seed"])
    found = (_network(config, run, member, seed) for member, seed in enumerate(seeds))
    return stacked(found)


def _network(config: Config, run: RunFolder, member: int, seed: int) -> dict[str, pl.DataFrame]:
    """Everything about one network."""
    task, model = config.judged(), net.main(config).model
    assert isinstance(model, Transformer)
    of = lambda step: jax.tree.map(lambda x: jnp.asarray(x[member]), run.params("main", step))
    walks = draw_walks(task, config.groups, config.walks, WALKS + seed)
    mine = walks.groups(GRID)
    grids = jax.tree.map(lambda x: x[mine], walks.batch)
    rings = ring_walks(config.world(turn=TURN), np.arange(RING), 1, config.walks, WALKS + seed)
    steps = run.steps("main")
    made = {"network": of(steps[-1]), "untrained": of(steps[0])}
    curves = {
        name: over_groups(lambda batch, p=p: through(model, task, p, batch)[0], walks.batch)
        for name, p in made.items()
    }
    curves |= over_groups(lambda batch: counters(task, batch), walks.batch)
    by_place = c.curve_table(walks, curves, config.length)
    geometry, panels = _geometry(config, model, made, grids)
    mass = by_place.filter(pl.col("source") == "network", pl.col("graph") == GRID)["mass"]
    training = [_step(config, model, task, of(step), grids, step) for step in steps]
    tables = {
        "curves": by_place,
        "fits": c.fit_table(by_place, config.bins),
        "geometry": geometry,
        "order": u.order_table(geometry, binned(mass.to_numpy(), config.bins)),
        "training": pl.concat(training),
        "pictures": u.picture_table(panels, rectangle(4, 4)),
        "turned": turned_table(model, made["network"], rings),
    } | attention_tables(model, made["network"], grids.inputs[0])
    return {name: labelled(table, init_seed=seed) for name, table in tables.items()}


def _geometry(
    config: Config, model: Transformer, made: Mapping[str, Params], grids: Batch
) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
    """Geometry of the network and its controls on grids, and what a picture shows of it."""
    adjacency, where, task = rectangle(4, 4), config.cuts, config.judged()
    given = {name: (params, grids) for name, params in made.items()}
    given["shuffled context"] = (made["network"], shuffled(grids, WALKS))
    sources = {
        name: windowed_means(
            over_groups(lambda b, p=params: through(model, task, p, b)[1], batch),
            np.asarray(batch.latents["node"]),
            len(adjacency),
            where,
        )
        for name, (params, batch) in given.items()
    }
    place_W = visited_places(np.asarray(grids.latents["node"]), len(adjacency), where)
    table = u.geometry_table(sources, adjacency, where, place_W)
    layer = int(table.filter(pl.col("chosen"))["layer"][0])
    seen = sources["network"][1, layer]
    shown = sorted({0, len(seen) // 3, 2 * len(seen) // 3, len(seen) - 1})
    panels = {f"around place {place_W[i]:.0f}": seen[i] for i in shown}
    panels["untrained"] = sources["untrained"][1, layer, -1]
    panels["shuffled context"] = sources["shuffled context"][1, layer, -1]
    panels["neighbour mixing"] = neighbour_mix(sources["network"][1, 0, -1], adjacency)
    return table, panels | {"spectral embedding": spectral_embedding(adjacency)}


def _step(
    config: Config, model: Transformer, task: GraphTracing, params: Params, grids: Batch, step: int
) -> pl.DataFrame:
    """Mass early and late, and late geometry by layer, at one step of training."""
    where = config.cuts._replace(cuts=config.cuts.cuts[-1:])
    curve, acts_GSBLD = over_groups(lambda b: through(model, task, params, b), grids)
    means = windowed_means(acts_GSBLD, np.asarray(grids.latents["node"]), 16, where)
    shape = layout(means[:, :, 0], rectangle(4, 4))
    mass_L = curve.mass.mean((0, 1))
    named_L = c.when(np.arange(config.length), config.length)
    masses = {when: float(mass_L[named_L == when].mean()) for when in ("early", "late")}
    columns = {name: finite_mean(values) for name, values in shape._asdict().items()}
    return pl.DataFrame(columns | {"step": step} | masses).with_row_index("layer")


SMOKE: dict[str, Any] = net.SMOKE | {
    "seeds": 2,
    "groups": 2,
    "walks": 48,
    "window": 4,
    "windows": 4,
    "visits": 2,
}

study = Study(
    name="graph_tracing",
    title="Graph tracing: representations and a graph that stands in the context only",
    paper="Park et al. 2025 (arXiv:2501.00070)",
    presets={
        "smoke": Config(**SMOKE),
        "laptop": Config(steps=2_000),
        "paper": Config(
            n_tokens=64,
            sizes=tuple(range(8, 26, 2)),
            length=256,
            depth=4,
            width=128,
            steps=10_000,
            batch_size=128,
            learning_rate=2e-3,
            rungs=12,
        ),
    },
    costs={
        "smoke": "60 model-steps; compiling takes most of it",
        "laptop": "8 networks of 2 layers, 2,000 steps of 64 walks of 128: 22 minutes",
        "paper": "8 networks of 4 layers, 10,000 steps of 128 walks of 256; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
