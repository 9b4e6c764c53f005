"""Small networks on 4x4, many seeds: over depth, width, games to learn from, and kind of target."""

import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

import polars as pl

from toylab.members import Members, grid
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.tasks.othello.othello import ENDLESS

from .. import network as o
from . import probes as p

TRAIN_SEED, CHOOSE_SEED = 1, 2  # of games

PLAY = ("legal", "divergence")
PROBES = ("accuracy", "untrained", "colour", "bag")


def small_populations(config: Any) -> dict[str, Population]:
    """Small networks; what is not varied has the middle value of its setting."""
    depth, width = (values[len(values) // 2] for values in (config.depths, config.widths))
    seeds = range(config.seeds)
    every, each = grid(init_seed=seeds, pool=(*config.pools, ENDLESS)), grid(init_seed=seeds)
    return {
        "small": _small(config, depth, width, every),
        "small-expected": _small(config, depth, width, each, targets="expected"),
        **{f"small-depth{d}": _small(config, d, width, each) for d in config.depths if d != depth},
        **{f"small-width{w}": _small(config, depth, w, each) for w in config.widths if w != width},
    }


def _small(
    config: Any,
    depth: int,
    width: int,
    members: Members,
    targets: Literal["played", "expected"] = "played",
) -> Population:
    size = {"depth": depth, "width": width, "batch_size": config.small_batch}
    settings = o.small(steps=config.small_steps, targets=targets, rungs=config.rungs, **size)
    return dataclasses.replace(o.main(settings), members=members)


def quick_scores(config: Any, net: o.Player, untrained: o.Player) -> dict[str, float]:
    """How well a network plays, and accuracy of linear probes at their best layer, on few games.

    ``accuracy`` is that of the board; the others are of the untrained network, of black and white,
    and of the moves alone.
    """
    if net.diverged:
        return dict.fromkeys(PLAY + PROBES, float("nan"))
    train = p.Games.through(net, untrained, config.quick_games, TRAIN_SEED)
    test = p.Games.through(net, untrained, config.choose_games, CHOOSE_SEED, train)
    board, colour = ((train.labels(n), test.labels(n)) for n in ("board", "colour"))
    acts, before = (train.acts_SGLD, test.acts_SGLD), (train.untrained_SGLD, test.untrained_SGLD)
    bags = p.bag_of_moves(net.task, train), p.bag_of_moves(net.task, test)

    def best(features: p.Pair, labels: p.Pair) -> float:
        right_SGLN = p.linear(train, features, labels) == labels[1]
        return float(right_SGLN[:, test.counts_GL].mean((1, 2)).max())

    played = test.played_GL
    mean = {name: float(scores[played].mean()) for name, scores in p.play(net.task, test).items()}
    return mean | {
        "accuracy": best(acts, board),
        "untrained": best(before, board),
        "colour": best(acts, colour),
        "bag": best(bags, board),
    }


def comparisons(population: str, pool: int) -> tuple[str, ...]:
    """Which comparisons a small network takes part in; one with the usual settings in most."""
    if population == "small":
        return ("main", "pool", "depth", "width") if pool == ENDLESS else ("pool",)
    return (population.removeprefix("small-").rstrip("0123456789"),)


def small_table(config: Any, run: RunFolder) -> pl.DataFrame:
    """Every small network: one row per comparison it takes part in, and per checkpoint."""
    rows = []
    for name, population in small_populations(config).items():
        for member in run.members(name).iter_rows(named=True):
            rows += _rows(config, run, name, population, member)
    return pl.DataFrame(rows)


def _rows(
    config: Any, run: RunFolder, name: str, population: Population, member: dict[str, Any]
) -> Iterable[dict[str, Any]]:
    index, pool = member["member"], int(member.get("pool", ENDLESS))
    rows = comparisons(name, pool)
    untrained = o.load(run, population, name, index, 0)
    steps = run.steps(name)
    for step in steps if rows[0] in ("main", "expected") else steps[-1:]:
        net = o.load(run, population, name, index, step)
        about = {
            "population": name,
            "init_seed": int(member["init_seed"]),
            "depth": net.model.depth,
            "width": net.model.width,
            "pool": pool,
            "step": step,
        }
        scores = quick_scores(config, net, untrained)
        yield from ({"row": row} | about | scores for row in rows)
