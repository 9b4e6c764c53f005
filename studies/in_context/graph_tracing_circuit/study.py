"""Graph tracing, the circuit: which heads trace the graph, and which draw it.

    toylab run graph_tracing_circuit
    toylab run graph_tracing_circuit --reuse runs/graph_tracing-laptop   # takes its networks
    toylab run graph_tracing_circuit --preset night                      # the published claims

A language model that is shown a walk on a graph of words lays its representations out like the
graph (Park et al.). Arditi's account is an induction circuit: a previous-token head mixes into each
token those before it, which are its neighbours, and that alone draws the graph; an induction head
then finds the last visit and names what followed. Ablate heads of one kind, and see what goes:
accuracy, geometry, or both. Heads are found by their attention on repeated random tokens.

The judged networks, of the night preset, have four layers of eight heads, those of the laptop
preset two of four, where two heads are a quarter of the network. One or two heads of a kind are
ablated, and all that give half of their attention to the previous token, where Arditi ablates up to
32 of 1,024. Beside them as many heads of neither kind are ablated, drawn from the same blocks. The
tokens repeat after 13, the size of no ring seen in training: on rings of few sizes a head may learn
to look one less than a size back, whatever stands there, and would pass for an induction head. Only
networks that have learned to trace are judged: their loss late in the context is within 0.05 nats
of a counter of undirected bigrams.

Accuracy is the mass on the present node's neighbours other than the node just left, over the last
quarter of the context, on 4x4 grids, which training never shows. Geometry is that of class means
over the same places, pooled over the walks on one grid; the first grid chooses layers and is not
judged. Controls are the untrained network, walks in shuffled order, and one neighbour mix of the
network's own embeddings.

The causal test moves the walker: the first principal components of the last place's residual
stream become those of a far node's class mean, before the last block, after which a class mean
writes its own prediction. Class means come from other walks on the grid.

A second set of networks, of other depths and widths, shows when in training accuracy and geometry
appear. To be cheap it has a context of 64, and rings and regular graphs of five sizes. Every
network of it has seeds of its own.

Did not reproduce: that without previous-token heads the grid is gone, and that they suffice.
Fifteen of sixteen networks have learned; late in the context they are 0.10 nats below the counter,
with 97% of their mass on neighbours. Without two previous-token heads they lose 0.79 of that mass,
without two others 0.05; without two induction heads 0.48, as they have two to seven of them. They
draw the grid after the third block (a distance correlation of 0.40, where neighbour mixing has
0.72): all previous-token heads take 0.66 of that (0.56 to 0.75, four fifths are asked), others
0.07; alone, the two best keep 0.06. Left open: whether those two take half (0.45, 0.39 to 0.53).
After the last block no network has a grid, so that what induction heads do to it there cannot be
asked. Two principal components move 0.28 of mass beyond a random push, all of them 0.86. In the
second set networks of one layer draw the grid and do not trace it, and in deeper ones, of which two
of sixteen had not learned to trace, the grid is half grown 125 steps before the mass is.

Tried: the laptop preset, judged first. All eight networks learn, but without two previous-token
heads they lose 0.75 of the mass, without two induction heads 0.68 and without two others 0.59, so
that both claims were confounded; five draw something of the grid after the first block (0.35 to
0.54), and in the other three induction goes 13 or 14 places on (see ``graph_tracing``), so that
repeats after 13 do not find their heads. Two networks of four layers of eight heads had not learned
after 800 steps. The night was first judged with the network that has not learned among the others,
and with heads that were third or fourth best among the other heads; with eight networks both claims
about the grid were open (0.70 and 0.49), and so eight more were trained, beside those eight. In its
second set no network of two or three layers had learned after 400 steps.

On one network of two layers, 300 steps on rings, regular graphs and trees of up to 20 nodes, or 400
on regular graphs and trees of 8 or on all three of 8 or 12, leave no induction in a context of 64;
rings and regular graphs of 8 to 16 nodes bring it within 320.

Source: Park et al. 2025 (arXiv:2501.00070), and the causal test of their code; Arditi 2026, "In-
context learning of representations can be explained by induction circuits" (ICLR blog track).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.analysis.repeated_tokens import head_scores, repeated
from toylab.errors import check_counts, check_number
from toylab.members import seeds
from toylab.models import Transformer
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.in_context.given_walks import draw_grids
from toylab.tasks.in_context.graph_tracing import GraphTracing

from ..graph_network import PAPER, SMOKE, Network, main
from .ablations import Kinds, Trained, ablation_table, head_table, pictures, rows_of
from .causal import causal
from .claims import CLAIMS
from .readings import best_layer, mark_layers
from .surgery import look

GRIDS, REPEATS, CELL_GRIDS = 301, 302, 303  # seeds of what is drawn


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Network):
    """The network's settings, what is measured, and the second set of networks."""

    steps: int = 2_000
    maps: int = 4  # held-out grids
    walks: int = 32  # on each
    period: int = 13  # random tokens until they repeat: no ring's size
    components: tuple[int, ...] = (2, 4, 8, 15)
    depths: tuple[int, ...] = (1, 2, 3)
    widths: tuple[int, ...] = (32, 64)
    cell_seeds: int = 4
    cell_tokens: int = 16
    cell_families: tuple[str, ...] = ("ring", "regular")
    cell_sizes: tuple[int, ...] = (8, 10, 12, 14, 16)
    cell_length: int = 64
    cell_steps: int = 400
    cell_snapshots: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("period", "cell_seeds", "cell_steps", "cell_snapshots"):
            check_number("graph_tracing_circuit", name, getattr(self, name), low=1, whole=True)
        check_counts("graph_tracing_circuit", self, "walks", "maps", low=2)

    def cells(self) -> dict[str, tuple[int, int]]:
        """Name, depth and width of each cell of the second set."""
        return {f"depth {d}, width {w}": (d, w) for d in self.depths for w in self.widths}


def populations(config: Config) -> dict[str, Population]:
    """The network, and one population per depth and width."""
    found = {"main": main(config)}
    rungs = np.linspace(0, config.cell_steps, config.cell_snapshots + 1).round().astype(int)
    for place, (name, (depth, width)) in enumerate(config.cells().items()):
        small = dataclasses.replace(
            config,
            depth=depth,
            width=width,
            seeds=config.cell_seeds,
            n_tokens=config.cell_tokens,
            sizes=config.cell_sizes,
            length=config.cell_length,
            steps=config.cell_steps,
        )
        world, steps = small.world(families=config.cell_families), sorted(set(rungs.tolist()))
        # Seeds of its own for each cell: networks of all cells are counted together.
        own = seeds(config.cell_seeds, start=100 * (place + 1))
        changes = {"task": world, "members": own, "snapshots": tuple(steps)}
        found[name] = dataclasses.replace(main(small), **changes)
    return found


def trained(run: RunFolder, population: Population, name: str) -> Trained:
    """A population's networks at their end and before training."""
    assert isinstance(population.model, Transformer)
    init_seeds = run.members(name)["init_seed"].to_numpy()
    return Trained(population.model, run.params(name), run.params(name, 0), init_seeds)


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Find the heads, ablate them, move the walker, and follow the second set over training."""
    made = populations(config)
    net = trained(run, made["main"], "main")
    scores = head_scores(
        net.model, net.params, repeated(config.n_tokens, config.period, 32, REPEATS)
    )
    kinds = Kinds.of(scores)
    grids = draw_grids(config.world(), config.maps, config.walks, GRIDS)
    mixture = draw_grids(config.world(), config.maps, config.walks, GRIDS, shuffle=1)
    clean = look(net.model, net.params, grids)
    ablation = ablation_table(net, grids, mixture, clean, kinds)
    layer = best_layer({"ablation": ablation})
    return {
        "heads": head_table(net, scores, kinds),
        "ablation": ablation.with_columns(chosen=pl.col("layer") == layer),
        "pictures": pictures(net, grids, clean, kinds, layer),
        "causal": causal(net, grids, clean, config.components),
        "cells": mark_layers(cells(config, run, made)),
    }


def cells(config: Config, run: RunFolder, made: Mapping[str, Population]) -> pl.DataFrame:
    """Accuracy and geometry of the second set, by step and layer."""
    task = made[next(iter(config.cells()))].task
    assert isinstance(task, GraphTracing)
    grids = draw_grids(task, config.maps, config.walks, CELL_GRIDS)
    rows: list[dict[str, Any]] = []
    for name, (depth, width) in config.cells().items():
        net = trained(run, made[name], name)
        for step in run.steps(name):
            labels = {"depth": depth, "width": width, "step": step}
            rows += rows_of(
                grids, look(net.model, run.params(name, step), grids), net.seeds, **labels
            )
    return pl.DataFrame(rows)


study = Study(
    name="graph_tracing_circuit",
    title="Graph tracing: heads that follow the graph and heads that draw it",
    paper="Park et al. 2025 (arXiv:2501.00070); Arditi 2026 (ICLR blog track)",
    presets={
        "smoke": Config(
            **dict(SMOKE, heads=4),
            seeds=2,
            maps=2,
            walks=16,
            period=8,
            components=(2, 15),
            depths=(1,),
            widths=(16,),
            cell_seeds=2,
            cell_families=("ring",),
            cell_sizes=(8,),
            cell_length=32,
            cell_steps=20,
            cell_snapshots=2,
        ),
        "laptop": Config(),
        "night": Config(
            seeds=16,
            n_tokens=16,
            sizes=(8, 10, 12, 14, 16),
            length=96,
            depth=4,
            heads=8,
            steps=3_000,
            learning_rate=3e-3,
            widths=(64,),
            cell_seeds=8,
            cell_steps=1_000,
        ),
        "paper": Config(
            **PAPER,
            length=256,
            maps=16,
            walks=64,
            widths=(64, 128),
            cell_seeds=5,
            cell_length=256,
            cell_steps=10_000,
        ),
    },
    costs={
        "smoke": "100 model-steps; compiling takes most of it",
        "laptop": "the networks of graph_tracing (reuse them); 24 smaller ones, 400 steps: 10 "
        "minutes, busy",
        "night": "16 networks of 4 layers, 3,000 steps of 64 walks of 96; 24 smaller ones, 1,000 "
        "steps: 100 and 15 minutes; measures: 8",
        "paper": "400,000 model-steps, 10 PFLOP, about; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
