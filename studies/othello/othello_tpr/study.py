"""Tensor-product probes of Othello: is the board inside a network a table of squares and states?

    toylab run othello_tpr
    toylab run othello_tpr --reuse runs/othello-laptop   # takes its network
    toylab run othello_tpr --preset paper                # 8x8, one GPU

A network that predicts legal moves holds the board so that a linear probe can read it, a vector per
square and state. Lee et al. ask whether these vectors have parts in common: a role for the square
and a filler for the state, bound by a tensor product. Their probe, made so, reads the board as well
with fewer parameters, has the linear probe inside it, its roles lie as the squares do on the board,
and edits along it change the moves.

Source: Lee, Viégas and Wattenberg 2026 (arXiv:2605.09967). The board is 6x6 and the sizes of roles
follow the paper's by proportion: 29 of 36 for its 52 of 64, 5 by 6 for 6 by 8. Boards are labelled
by who really moves next, silent passes counted. Strengths of edits are chosen on other boards than
those judged, not case by case, and nothing is judged at a position whose moves so far begin a game
that the probes were fitted on. There are controls that the paper lacks: a linear probe trained at
low rank, random roles, squares in another order, the untrained network, and roles in other
coordinates, as ``role_s A`` with ``M A^-1`` is the same probe for any invertible A and the layout
of roles depends on which the fit happens on.

Did not reproduce: recovering the linear probe from the tensor one, and a geometry that is learned.
Of the recovered vectors 55% have a cosine above 0.95, not 90%. Roles lie little more like the board
than those of the untrained network do (R² 0.41 and 0.28); whether they do as in the paper is open
(0.41, 0.39 to 0.43, where 0.39 is asked; neighbours 0.53, 0.50 to 0.58). The trilinear compression
is 2 points less accurate than the linear probe, and permuting the squares costs it less than half a
point. Edits take away seven tenths of the error, not surely three quarters, and six tenths where
two discs are flipped at once.

Tried: on one seed, 750 or 1,500 steps instead of 1,000 move the linear and the bilinear probe's
accuracy by at most 0.2 points. Recovery takes longer: of an earlier network's linear probe the full
bilinear one met 18% of the vectors with a cosine above 0.95 after 1,000 steps, 56% after 3,000 and
80% after 6,000, and of the centre's four squares, which are never empty, none (``--set
probe_steps=6000``). A trilinear probe with a role for each row and column is the linear probe minus
what softmax ignores, and matches it by construction.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np
import polars as pl

from toylab.errors import check_number
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.othello.othello_edits import centre

from .. import network as o
from ..learned import legal_table
from . import geometry as g
from . import probes as p
from .claims import CLAIMS
from .edits import measure_edits

PROBE, EDIT = 101, (104, 105)  # seeds of games


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(o.Network):
    """The network's settings, and the probes'."""

    probe_games: int = 2_000
    test_games: int = 400
    probe_steps: int = 1_000
    probe_batch: int = 512  # places
    cases: int = 150  # edited boards of each kind
    ranks: int = 12  # points of the truncated probe's curve

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("probe_games", "test_games", "probe_steps", "probe_batch", "cases", "ranks"):
            check_number("othello_tpr", name, getattr(self, name), low=1, whole=True)
        check_number("othello_tpr", "seeds", self.seeds, low=2, whole=True)

    @property
    def games(self) -> tuple[int, int, int]:
        """Games that probes are fitted on, that the layer is chosen on, and that are judged."""
        return self.probe_games, self.test_games, self.test_games


def populations(config: Config) -> dict[str, Population]:
    """The network that plays."""
    return {"main": o.main(config)}


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Fit all probes to the best layer of the first finite network, and edit it."""
    population, member = populations(config)["main"], int(np.argmax(run.dead_at("main") < 0))
    net, untrained = (o.load(run, population, "main", member, step) for step in (None, 0))
    seed = run.members("main")["init_seed"][member]
    tables = _network(config, net, untrained) | {"play": legal_table(net)}
    return net.marked(tables, population="main", init_seed=seed)


def _network(config: Config, net: o.Player, untrained: o.Player) -> dict[str, pl.DataFrame]:
    """Everything about one network."""
    grid = (config.size, config.size)
    batch, parts = o.draw_games(net.task, sum(config.games), PROBE), config.games
    fitted = np.asarray(batch.inputs)[: config.probe_games]
    batch = o.unseen(batch, fitted, first=config.probe_games)
    train, choose, test = p.rows(net, batch, parts)
    before = p.rows(untrained, batch, parts)
    layer = p.best_layer(train, choose)
    fits = p.Fits(config.seeds, config.probe_steps, config.probe_batch)
    found = p.fit_forms(net, layer, train, test, (before[0], before[2]), fits)
    codes = g.encodings(net.task, net.model.width, train, fits)
    vectors = g.layouts(found.probes, codes)
    recovery = g.recovery(found.probes)
    is_centre = centre(config.size)[recovery["square"].to_numpy()]
    one = dataclasses.replace(fits, seeds=1)
    edits = measure_edits(net, train, one, config.cases, sum(config.games), EDIT, fitted)
    curve = p.truncation_curve(found.probes["linear"], test.acts_SRD[layer], test, config.ranks)
    return {
        "probes": found.table.with_columns(layer=pl.lit(layer)),
        "games": found.games,
        "truncation": curve,
        "recovery": recovery.with_columns(centre=pl.Series(is_centre)),
        "geometry": g.geometry(vectors, grid),
        "maps": g.maps(vectors, config.size),
        **edits,
    }


study = Study(
    name="othello_tpr",
    title="Othello: tensor-product probes of the board inside a network",
    paper="Lee, Viégas and Wattenberg 2026 (arXiv:2605.09967)",
    presets={
        "smoke": Config(
            **o.SMOKE,
            probe_games=60,
            test_games=12,
            seeds=2,
            probe_steps=20,
            cases=6,
            ranks=3,
        ),
        "laptop": Config(),
        "paper": Config(**o.PAPER, probe_games=20_000, test_games=1_000, probe_batch=7_552),
    },
    costs={
        "smoke": "60 steps and 30 short fits; compiling takes most of it",
        "laptop": "the network of othello, then 80 probes and 40,000 edited games: 7 minutes",
        "paper": "the network's training, then 90 probes",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
