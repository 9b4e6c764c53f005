"""Othello: does a next-move predictor learn the board?

    toylab run othello
    toylab run othello --set size=4 --set steps=2000 --set width=64     # minutes
    toylab run othello --set width=96 --set steps=20000

A transformer is shown the moves of random legal games and predicts the next one; nobody tells it
that there is a board. Li et al. find the board in its activations, by a nonlinear probe of black
and white; Nanda et al. find that a linear one does if it asks for mine and theirs. Every probe
stands beside what it could have been read from instead: the untrained network, the moves alone, and
boards of worlds with other rules.

Source: Li et al. 2022 (arXiv:2210.13382), Nanda, Lee and Wattenberg 2023 (arXiv:2309.00941). Games
are drawn afresh at every step, where the papers repeat 20 million. At each place the network learns
from the chances of every move that could follow, where theirs learn from the move played: the same
loss in the mean, so the same best network, without the noise of the draw. It is shown which moves
are legal, as theirs never is in one go, though still nothing of a board; small networks trained
both ways tell what that does to the board. Passes are silent, and on small boards frequent: labels
go by the player who really moves next, those of the papers by parity; both are measured. Probes are
fitted by ridge regression on one-hot states. They are judged in other games, where no game that
they were fitted on has the same moves so far: split by game alone, 17% of the positions of 6x6 and
56% of 4x4 are ones that the probe has met. The laptop preset plays on 6x6. The KL to the uniform
choice among the legal moves is exact at every place, so progress is measured against the floor that
no predictor can beat.

Did not reproduce: the whole board. The 6x6 network sees 540,000 games in under an hour, not 20
million; 99.0% of its most probable moves are legal, and in games that begin as none of the probe's
do a linear probe reads 91% of the squares (62% untrained, 56% the majority state), not 99%. Who has
played where, seen from the player to move, already tells 84% of the squares to a linear probe, and
boards of other worlds are read nearly as well (89% without flips, 90% where only the ends flip):
without flips a board is a sum over moves, so any network that attends to them has it. Untrained
networks, the usual control, hide this. On 4x4 it is plainer: networks gain 15 points over untrained
ones, and a linear probe of who has played where still reads the board 6 points better than theirs,
so that the gain shows no board. After a silent pass the network keeps counting plies: its board is
that of strict alternation, by which the papers label theirs too. Captured discs are read with an F1
of 0.73, where 0.9 is asked, and the board 4 points better at the best layer than after the first
block, where 5 are. In 4x4 networks black and white are read only 2 points worse than mine and
theirs, and the shallowest are 1.44 times as far from the best prediction as the deepest, where 1.5
is asked.

Tried: AdamW for 6,000 steps (768,000 games) left the network far from the floor. In pilots of 64
games a step Muon (``toylab.optim.muon``) left 1.5 of the N most probable moves wrong or missing
after 180 s, AdamW 1.8 after more than 200 s; 8 heads did as 4. A second network was trained by Muon
for 5,000 steps, a third on chances: in pilots of 57,600 games 0.97 of the N most probable moves
were wrong or missing, 1.50 with moves drawn. With less noise smaller batches and more decay serve
better: 0.92 in batches of 32, 0.87 in batches of 20, 0.77 with a decay of 0.1 in place of 0.01
(0.82 with 0.3); over eleven times the steps a decay of 0.02 shrinks weights as far as one of 0.1 to
0.2 did. Heads, width and depth made little difference, or were worse for the time. After the first
results three measures became harder or fairer, and no bar moved: the bag of moves tells players
apart from the mover's side, captures count above a threshold, and boards of other worlds are also
read from the moves alone. A probe of boards given to other games, and the rank correlation of board
and play over training, were claims once; neither could fail. Of a 4x4 network of 1,500 steps 96.0%
of the most probable moves were legal (a pilot of one seed), below the 97% that claims presuppose:
they are trained for 3,000 steps since.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.errors import check_number
from toylab.population import Population
from toylab.read.tables import stacked
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.othello.othello_moves import move_scores

from .. import network as o
from . import probes as p
from .claims import CLAIMS
from .small import CHOOSE_SEED, TRAIN_SEED, quick_scores, small_populations, small_table

TEST_SEED = 3
SHOWN = 8  # games kept to look at


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(o.Network):
    """Settings: the network (see ``Network``), the games of probes, and the small networks."""

    probe_games: int = 3_000
    choose_games: int = 200  # to choose each probe's layer by
    test_games: int = 1_000
    few_games: int = 400  # that MLP probes see
    quick_games: int = 750  # to probe each snapshot and each small network by
    small_steps: int = 3_000
    small_batch: int = 64
    depths: tuple[int, ...] = (1, 2, 3)  # of the small networks; the middle one is the rule
    widths: tuple[int, ...] = (16, 32, 64)
    pools: tuple[int, ...] = (200, 2_000)  # games to learn from, besides endless ones

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("probe_games", "choose_games", "test_games", "few_games", "quick_games"):
            check_number("othello", name, getattr(self, name), low=2, whole=True)
        check_number("othello", "seeds", self.seeds, low=1, whole=True)


def populations(config: Config) -> dict[str, Population]:
    """The network, and small ones: over games seen, depth, width, and what a target tells."""
    return {"main": o.main(config), **small_populations(config)}


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Score the network and its probes game by game, and the small networks one by one."""
    parts, main = [], {"main": populations(config)["main"]}
    for labels, at in o.networks(run, main):
        net, untrained = at(), at(0)
        tables = _network(config, net, untrained)
        parts.append(net.marked(tables, init_seed=labels["init_seed"]))
    return {
        **stacked(parts),
        **_positions(config, *(o.load(run, main["main"], step=step) for step in (None, 0))),
        "ladder": _ladder(config, run),
        "small": small_table(config, run),
    }


def _network(config: Config, net: o.Player, untrained: o.Player) -> dict[str, pl.DataFrame]:
    """Everything about one network, with its controls."""
    train = p.Games.through(net, untrained, config.probe_games, TRAIN_SEED)
    draw = lambda count, seed: p.Games.through(net, untrained, count, seed, train)
    test, cut = draw(config.test_games, TEST_SEED), config.choose_games
    both = draw(cut, CHOOSE_SEED).joined(test)
    found = p.all_probes(net.task, train, both, config.few_games)
    kept = both.counts_GL[:cut]
    layers = {n: int(r[:, :cut][:, kept].mean((1, 2)).argmax()) for n, r in found.items()}
    right = {name: squares[:, cut:] for name, squares in found.items()}
    by_game = {name: p.per_game(r, test.counts_GL) for name, r in right.items()}
    columns = {name: scores[layers[name]] for name, scores in by_game.items()}
    columns["board, layer 1"] = by_game["board"][1]
    for name, trained in (("flipped", True), ("flipped, untrained", False)):
        f1_SG = p.flipped_f1(train, both, trained)
        columns[name] = f1_SG[np.nanmean(f1_SG[:, :cut], 1).argmax(), cut:]
    places = [
        {"probe": name, "layer": layers[name], "place": place, "accuracy": float(accuracy)}
        for name, r in right.items()
        for place, accuracy in enumerate(p.per_place(r, test.counts_GL)[layers[name]])
    ]
    play, weights = p.play(net.task, test), test.played_GL
    at_place = lambda values: (values * weights).sum(0) / np.maximum(weights.sum(0), 1)
    by_place = {name: at_place(values) for name, values in play.items()}
    mean = {n: (v * weights).sum(1) / weights.sum(1) for n, v in play.items()}
    return {
        "games": pl.DataFrame({"game": np.arange(len(weights))} | mean | columns),
        "layers": p.layer_table(right, weights),
        "places": pl.DataFrame(places),
        "moves": pl.DataFrame({"place": np.arange(net.task.length)} | by_place),
        "passes": p.compare_movers(right, test, layers),
    }


def _ladder(config: Config, run: RunFolder) -> pl.DataFrame:
    """The first network through training: one row per checkpoint."""
    population, rows = populations(config)["main"], []
    untrained = o.load(run, population, step=0)
    for step in run.steps("main"):
        scores = quick_scores(config, o.load(run, population, step=step), untrained)
        rows.append({"step": step, "games": step * config.batch_size} | scores)
    return pl.DataFrame(rows)


def _positions(config: Config, net: o.Player, untrained: o.Player) -> dict[str, np.ndarray]:
    """Games to look at: the board, the probe's belief, the legal moves and the predicted ones."""
    train = p.Games.through(net, untrained, config.quick_games, TRAIN_SEED)
    show = p.Games.through(net, untrained, config.choose_games, CHOOSE_SEED, train).part(SHOWN)
    scores_SGLN3, right_SGLN = p.scores(train, show, "board")
    layer = int(right_SGLN[:, show.counts_GL].mean((1, 2)).argmax())
    return {
        "board_truth": show.labels("board"),
        "board_belief": scores_SGLN3[layer].astype(np.float32),
        "board_legal": np.asarray(show.batch.latents["legal"]),
        "board_moves": move_scores(net.task, show.logits_GLV),
        "board_inputs": np.asarray(show.batch.inputs),
    }


SMOKE: dict[str, Any] = {
    "probe_games": 40,
    "choose_games": 40,
    "test_games": 40,
    "few_games": 20,
    "quick_games": 40,
    "seeds": 2,
    "small_steps": 10,
    "depths": (2,),
    "widths": (32,),
    "pools": (20,),
}

study = Study(
    name="othello",
    title="Othello: a board in the activations of a next-move predictor",
    paper="Li et al. 2022, Emergent World Representations (arXiv:2210.13382); Nanda et al. 2023, "
    "Emergent Linear Representations in World Models (arXiv:2309.00941)",
    presets={
        "smoke": Config(**o.SMOKE, **SMOKE),
        "laptop": Config(),
        "paper": Config(**o.PAPER, probe_games=20_000),
    },
    costs={
        "smoke": "compiling takes most of it",
        "laptop": "540,000 games of 6x6, 84 TFLOP, 20 minutes; 64 networks of 4x4, 20 minutes; "
        "probes, 4 minutes",
        "paper": "16 million games of 8x8, 150 PFLOP; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
