"""Othello, interventions: does the network use the board that it represents?

    toylab run othello_interventions --reuse runs/othello-laptop
    toylab run othello_interventions --set penalties=0.01 --set cases=1000

A probe may read a board that the network never looks at. So the board inside the network is edited,
at the place of the last move: a disc is flipped, erased or placed, by adding vectors of the linear
mine/theirs/empty probe or by descending the loss of a nonlinear one. The network uses its board if
the moves it then predicts are those of the edited board. The error is false positives plus false
negatives of the N most probable moves, N the number of moves that are legal on the edited board.

Beside every edit stand no edit at all, a random direction of the same norm, and the same edit of a
wrong square. Where and how far to edit is chosen on validation games, once for each kind of edit,
and then fixed for the test games. Edits are judged on *natural* boards, unless a claim says
otherwise, and always change which moves are legal; none is at a position whose moves so far begin a
game that the probes were fitted on.

Source: Li et al. 2022 (arXiv:2210.13382), section 4 and 5; Nanda, Lee and Wattenberg 2023
(arXiv:2309.00941), section 4 and 5. The network of the laptop preset is far smaller and sees fewer
games, so its own errors are larger: the null error holds them too, and ``own`` is its error without
an edit against the moves of the board it was shown, which no edit can be expected to beat.

Left open: a fourfold cut of the errors by flips, as far as 240 boards tell; erasing and placing a
disc do it (0.18 and 0.15 of them are left). A flip along the linear probe leaves 0.58 of 2.15
errors among the N most probable moves (2.42 with a random direction, 0.20 the network's own): 0.27
of them, with an interval from 0.20 to 0.35. Few moves go the wrong way (5% of those without an
edit), and newly legal moves get all of the probability due to them (10% without an edit). Did not
reproduce: the prediction stays more than half as far from the uniform choice as without an edit
(total variation 0.13 of 0.23, the network's own 0.08). Four discs at once, boards that no game can
reach and 4x4 networks do not come to a quarter of the error. Gradients through the nonlinear probe
do no better than the linear probe's vectors (0.64 errors), which is open too. So are whether a
capture is undone to half of the errors (0.48, 0.41 to 0.56), whether illegal moves leave sooner
than legal ones enter, and the first layer's circuit for empty squares (-0.50, at its bar). As no
flip surely cuts the errors to a quarter, it is not testable whether vectors of black and white do
worse, or vectors as well as gradients.

Tried: earlier networks, trained on moves played, left 61% and 42% of the errors. On 4x4 networks of
600 steps, vectors of a ridge probe with a large penalty (near to the difference of the classes'
means) often edit better than those of one with a small penalty, which reads better; both are
offered to the validation, with strengths around the best found there and on validation games of the
6x6 network. Ten to thirty steps of Adam do what a hundred do. The small networks are trained as the
large one is: by AdamW in a first judged run, by Muon in a second, now on the chances of the moves
in place of moves drawn.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.errors import ToylabError, check_number
from toylab.population import Population
from toylab.read.tables import stacked
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_edits import draw_cases

from .. import network as o
from ..learned import legal_table
from . import tables as t
from .claims import CLAIMS
from .probes import fit_probes
from .run import Bench
from .saliency import circuit_rows, saliency_rows

# Of games; validation takes the one after the test's. Tried before with 11 and 12.
PROBE_SEED, TEST_SEED = 21, 22
SMALL_PLIES = (3, 9)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(o.Network):
    """Settings: the network (see ``Network``), probes, cases, and the small networks."""

    plies: tuple[int, ...] = (5, 24)  # fewest and most moves before an edit
    probe_games: int = 1_500
    penalties: tuple[float, ...] = (0.01, 1.0)  # of linear probes
    hidden: int = 128  # of the nonlinear probe
    probe_steps: int = 1_500
    games: int = 1_500  # to find test cases in
    cases: int = 240
    validation: int = 96
    strengths: tuple[float, ...] = (0.05, 0.1, 0.15, 0.2, 0.3, 0.45, 0.7)
    reaches: tuple[float, ...] = (0.1, 0.2, 0.3, 0.5, 1.0)  # of Adam
    edit_steps: int = 30
    positions: int = 120  # for saliency
    small_width: int = 64
    small_steps: int = 2_000  # 0: no small networks
    small_probe_games: int = 1_000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("probe_games", "games", "cases", "validation", "positions", "edit_steps"):
            check_number("othello_interventions", name, getattr(self, name), low=2, whole=True)
        most = Othello(self.size).length
        if len(self.plies) != 2 or not 1 <= self.plies[0] <= self.plies[1] <= most:
            raise ToylabError(
                f"othello_interventions: plies = {self.plies}; give the fewest and the most moves "
                f"before an edit, from 1 to {most} on this board."
            )


def populations(config: Config) -> dict[str, Population]:
    """The network, and small ones on the 4x4 board."""
    found = {"main": o.main(config)}
    if config.small_steps:
        alike = ("targets", "learning_rate", "matrix_rate", "weight_decay")
        training = {name: getattr(config, name) for name in alike}
        training |= {"steps": config.small_steps, "batch_size": 128, "rungs": 1}
        small = o.small(networks=config.seeds, width=config.small_width, **training)
        found["small"] = o.main(small)
    return found


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Edit every network, and look at what moves hang on in the first."""
    parts = []
    for labels, at in o.networks(run, populations(config)):
        net, large = at(), labels["population"] == "main"
        few = {"plies": SMALL_PLIES, "games": 2 * config.cases}
        found = _network(config if large else dataclasses.replace(config, **few), net, large)
        tables = {name: pl.DataFrame(r, infer_schema_length=None) for name, r in found.items()}
        labels = {"network": labels["population"], **labels}
        parts.append(net.marked(tables | {"play": legal_table(net)}, **labels))
    return stacked(parts, "diagonal_relaxed")


def _network(config: Config, net: o.Player, large: bool) -> dict[str, list[dict[str, Any]]]:
    """Tables of one network; a small one has flips by vectors and the circuit alone."""
    games = config.probe_games if large else config.small_probe_games
    nonlinear = (config.hidden, config.probe_steps) if large else ()
    probes = fit_probes(net, games, PROBE_SEED, config.penalties, *nonlinear)
    bench = Bench(net, probes, config.plies[1], steps=config.edit_steps)
    sets = t.SETS if large else t.SMALL_SETS
    chosen, tried = t.choices(bench, config, sets, TEST_SEED)
    rows, example = t.case_rows(bench, config, sets, chosen, TEST_SEED)
    empty = chosen.get(("erase", "vector"), chosen["flip", "vector"]).penalty
    found = {
        "probes": probes.accuracy,
        "validation": tried,
        "cases": rows,
        "circuit": circuit_rows(bench, empty, TEST_SEED),
    }
    if not large:
        return found
    boards, discs = _saliency(config, bench, chosen["flip", "vector"])
    return found | {"example": example, "saliency": boards, "saliency_discs": discs}


def _saliency(config: Config, bench: Bench, choice: Any) -> Any:
    """Saliency of the test cases' boards, as they are before the edit."""
    games = bench.draw(config.games, TEST_SEED)
    args = ("flip", config.positions, config.plies, TEST_SEED)
    cases = draw_cases(bench.net.task, games, *args)
    boards, discs = saliency_rows(bench, cases, choice, TEST_SEED)
    board_of = {row["case"]: cases.before[row["case"]] for row in boards}
    for row in discs:
        row["state"] = int(board_of[row["case"]][row["square"]])
    return boards, discs


study = Study(
    name="othello_interventions",
    title="Othello: edits of the board inside the network change the moves it predicts",
    paper="Li et al. 2022, Emergent World Representations (arXiv:2210.13382); Nanda, Lee and "
    "Wattenberg 2023, Emergent Linear Representations (arXiv:2309.00941)",
    presets={
        "smoke": Config(
            **o.SMOKE,
            plies=(3, 9),
            probe_games=48,
            hidden=16,
            probe_steps=20,
            games=64,
            cases=16,
            validation=12,
            strengths=(0.2, 0.4),
            reaches=(1.0,),
            positions=6,
            small_steps=0,
        ),
        "laptop": Config(),
        "paper": Config(
            **o.PAPER,
            plies=(5, 30),
            probe_games=4_000,
            probe_steps=10_000,
            games=6_000,
            cases=1_000,
            validation=200,
            positions=400,
            edit_steps=100,
        ),
    },
    costs={
        "smoke": "60 model-steps; compiling takes most of it",
        "laptop": "the network of othello, and 16,000 model-steps of 128 games on 4x4: 8 minutes",
        "paper": "the network of the study othello, and about 50,000 runs of a game; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
