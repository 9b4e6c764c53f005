"""Toy Models of Superposition: features that are not alike, or not independent.

    toylab run superposition_structure

Three questions. *Non-uniform*: five features in two dimensions form a pentagon; what becomes of it
as one feature grows sparser than the others? *Sets*: how are features arranged that appear together
(correlated) or never together (anticorrelated)? *Ladder*: when do correlated features share one
direction, as principal components do, and when does each have its own?

A plane is a hard place to optimise in, so every setting is fitted many times and the fit of lowest
held-out loss counts. The unit of a claim is an independent group of such tries.

Source: Elhage et al. 2022 (arXiv:2209.10652), "The geometry of superposition": "Non-uniform
superposition" and "Correlated and anticorrelated features". Departures at the laptop preset: fewer
steps, at a higher and decaying learning rate. The paper does not state the density of its
pictures of sets; here it is 0.05, the baseline of its non-uniform section.
"""

import dataclasses

import numpy as np
import polars as pl

from studies._superposition_structure import (
    OneOf,
    bases,
    collapse,
    crossing,
    held_out_loss,
    lowest,
    near_lowest,
    nonuniform,
    pairs,
    per_group,
    snap,
)
from tasks.superposition import Sparse
from toylab.claims import Claim, Expect
from toylab.errors import check_number
from toylab.members import Members, grid, zipped
from toylab.models import Autoencoder
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.store import RunFolder
from toylab.study import Study

RATIOS = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.85, 1.0, 1.4, 2.0)
# Three densities inside each of the paper's five regimes, sparse to dense.
LADDER = (
    0.02,
    0.03,
    0.04,
    0.06,
    0.09,
    0.12,
    0.16,
    0.175,
    0.19,
    0.28,
    0.35,
    0.42,
    0.6,
    0.7,
    0.8,
)
DENSITY = 0.05
KINDS = ("correlated", "independent", "anticorrelated")


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; ``seeds`` counts the independent groups, each of ``tries`` fits per setting."""

    seeds: int = 5
    tries: int = 10
    large_tries: int = 4  # for the models of ten dimensions
    ratios: tuple[float, ...] = RATIOS
    ladder: tuple[float, ...] = LADDER
    steps: int = 3_000
    batch_size: int = 1024
    learning_rate: float = 1e-2
    examples: int = 2**17  # held out

    def __post_init__(self) -> None:
        for field in ("tries", "large_tries", "batch_size", "examples"):
            check_number("superposition_structure", field, getattr(self, field), 1, whole=True)
        check_number("superposition_structure", "steps", self.steps, low=0, whole=True)


def populations(config: Config) -> dict[str, Population]:
    """One sparser feature; two sets of two, three sets of two, two sets of ten."""
    common = dict(
        optimizer=AdamW(config.learning_rate, weight_decay=0.01, schedule=cosine(config.steps)),
        steps=config.steps,
        batch_size=config.batch_size,
        snapshots=(0,),
    )
    middle = config.ladder[1::3]  # the control visits every regime once
    ladder = zip_rows([(0, d) for d in config.ladder] + [(1, d) for d in middle])
    # Independent features have the densities of the correlated and of the anticorrelated ones.
    pairs_rows = zip_rows([(0, DENSITY), (1, DENSITY), (1, DENSITY / 2), (2, DENSITY)])
    return {
        "nonuniform": Population(
            model=Autoencoder(5, 2),
            task=Sparse(5, density=DENSITY),
            members=grid(last_density_ratio=config.ratios) * fits(config, "nonuniform"),
            **common,
        ),
        "pairs": Population(
            model=Autoencoder(4, 2),
            task=sets(4, 2, KINDS),
            members=pairs_rows * fits(config, "pairs"),
            **common,
        ),
        "ladder": Population(
            model=Autoencoder(6, 2),
            task=sets(6, 3, KINDS[:2]),
            members=ladder * fits(config, "ladder"),
            **common,
        ),
        "bases": Population(
            model=Autoencoder(20, 10),
            task=sets(20, 2, KINDS[:2]),
            members=zip_rows([(0, DENSITY), (1, DENSITY)]) * fits(config, "bases"),
            **common,
        ),
    }


def zip_rows(rows: list[tuple[int, float]]) -> Members:
    """Members of a kind of world and a density each."""
    which, density = zip(*rows, strict=True)
    return zipped(which=which, density=density)


def sets(n: int, groups: int, kinds: tuple[str, ...]) -> OneOf:
    """Worlds of ``n`` features in sets of each kind."""
    worlds = (
        Sparse(n, DENSITY, groups=None if kind == "independent" else groups, correlation=kind)
        for kind in kinds
    )
    return OneOf(tuple(worlds))


def fits(config: Config, name: str) -> Members:
    """Members of one setting: a group shares its batches, its tries differ in initial weights."""
    tries = config.large_tries if name == "bases" else config.tries
    return zipped(
        init_seed=range(config.seeds * tries),
        data_seed=np.repeat(np.arange(config.seeds), tries),
    )


SHAPES = {"nonuniform": nonuniform, "pairs": pairs, "ladder": collapse, "bases": bases}


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Tabulate every member, trained and (``_untrained``) not; keep the best of group 0."""
    measures: dict[str, pl.DataFrame | np.ndarray] = {}
    for name, population in populations(config).items():
        params, about = run.params(name), settings(run.members(name))
        loss = held_out_loss(population, params, len(fits(config, name)), config.examples)
        # A dead member is nobody's best: it leaves its group with one try less.
        living = pl.Series(run.dead_at(name) < 0)
        measures[name] = about.with_columns(loss=loss, **SHAPES[name](params["W"])).filter(
            living
        )
        measures[f"{name}_untrained"] = about.with_columns(
            **SHAPES[name](run.params(name, 0)["W"])
        )
        best = lowest(measures[name].filter(pl.col("group") == 0), *about.columns[2:])
        measures[f"W_{name}"] = params["W"][best["member"].to_numpy()]
    return measures


def settings(members: pl.DataFrame) -> pl.DataFrame:
    """Member and group, then what is swept: ``ratio``, or ``kind`` and ``density``."""
    head = [pl.col("member"), pl.col("data_seed").alias("group")]
    if "last_density_ratio" in members.columns:
        return members.select(*head, ratio="last_density_ratio")
    kind = pl.col("which").cast(pl.Int64).replace_strict(dict(enumerate(KINDS)))
    return members.select(*head, kind.alias("kind"), "density")


def of_kind(table: pl.DataFrame, kind: str, density: float | None = None) -> pl.DataFrame:
    """Rows of one kind of sets, and of one density."""
    rows = table.filter(pl.col("kind") == kind)
    return rows if density is None else rows.filter((pl.col("density") - density).abs() < 1e-9)


def best_nonuniform(m, low: float = 0.0, high: float = np.inf) -> pl.DataFrame:
    """Best of every group and relative density, in a span of relative densities."""
    best = lowest(m["nonuniform"], "group", "ratio")
    return best.filter(pl.col("ratio").is_between(low - 1e-9, high + 1e-9))


def best_ladder(m, low: float, high: float, kind: str = "correlated") -> pl.DataFrame:
    """Best of every group and density, in a span of densities."""
    best = lowest(of_kind(m["ladder"], kind), "group", "density")
    return best.filter(pl.col("density").is_between(low - 1e-9, high + 1e-9))


def best_bases(m, kind: str) -> pl.DataFrame:
    """Best of every group."""
    return lowest(of_kind(m["bases"], kind), "group")


def share(m, kind: str, column: str, limit: float, density: float = DENSITY) -> np.ndarray:
    """Per group, share of the low-loss tries in which a column of ``pairs`` is below a limit."""
    rows = near_lowest(of_kind(m["pairs"], kind, density), "group")
    return per_group(rows, (pl.col(column) < limit).mean())


def steps_of(value: str) -> pl.Expr:
    """Sizes of the changes of a column from one setting to the next."""
    return pl.col(value).sort_by("ratio").diff().abs()


NONUNIFORM = "The geometry of superposition, non-uniform superposition"
SETS = "The geometry of superposition, correlated and anticorrelated features"
GROUP = "group of tries"

CLAIMS = (
    Claim(
        key="regular_at_equal_density",
        text="With five equal features the best solution is a regular pentagon (greatest distance "
        "of a gap from 72 degrees).",
        source=NONUNIFORM,
        paper=0.0,
        measure=lambda m: per_group(best_nonuniform(m, 1.0, 1.0), pl.col("gap_error").max()),
        expect=Expect.below(5),
        unit=GROUP,
    ),
    Claim(
        key="snap_at_04",
        text="The best solution snaps from pentagon to two digons where one feature is about 2.5 "
        "times sparser than the others.",
        source=NONUNIFORM,
        paper=0.4,
        measure=lambda m: snap(best_nonuniform(m)),
        expect=Expect.between(0.3, 0.5),
        unit=GROUP,
    ),
    Claim(
        key="losses_cross_at_04",
        text="The loss curves of the pentagons and of the two digons cross there.",
        source=NONUNIFORM,
        paper=0.4,
        measure=lambda m: crossing(m["nonuniform"]),
        expect=Expect.between(0.3, 0.5),
        unit=GROUP,
    ),
    Claim(
        key="sparse_feature_at_0",
        text="After the snap (relative density up to 0.3) the sparse feature is at 0: its greatest "
        "norm.",
        source=NONUNIFORM,
        paper=0.0,
        measure=lambda m: per_group(best_nonuniform(m, high=0.3), pl.col("norm").max()),
        expect=Expect.below(0.1),
        unit=GROUP,
    ),
    Claim(
        key="digons_after_snap",
        text="After the snap the others form two digons (share of relative densities up to 0.3).",
        source=NONUNIFORM,
        paper=1.0,
        measure=lambda m: per_group(
            best_nonuniform(m, high=0.3), (pl.col("kind") == "digons").mean()
        ),
        expect=Expect.above(0.9),
        unit=GROUP,
    ),
    Claim(
        key="pentagon_before_snap",
        text="Before it (relative density 0.5 to 1) the sparse feature does not fade: its least "
        "norm.",
        source=NONUNIFORM,
        measure=lambda m: per_group(best_nonuniform(m, 0.5, 1.0), pl.col("norm").min()),
        expect=Expect.above(0.7),
        unit=GROUP,
    ),
    Claim(
        key="pentagon_deforms",
        text="The sparser the feature, the nearer its neighbours come (rank correlation of their "
        "angle with the relative density, from 0.5).",
        source=NONUNIFORM,
        paper=1.0,
        measure=lambda m: per_group(
            best_nonuniform(m, 0.5), pl.corr("ratio", "neighbour_angle", method="spearman")
        ),
        expect=Expect.above(0.9),
        unit=GROUP,
    ),
    Claim(
        key="deforms_smoothly",
        text="It does so smoothly: greatest change of that angle (degrees) between neighbouring "
        "relative densities from 0.5 to 1.",
        source=NONUNIFORM,
        measure=lambda m: per_group(
            best_nonuniform(m, 0.5, 1.0), steps_of("neighbour_angle").max()
        ),
        expect=Expect.below(10),
        unit=GROUP,
    ),
    Claim(
        key="snap_is_a_jump",
        text="The snap is a jump: greatest change of the sparse feature's norm between "
        "neighbouring relative densities, less the second greatest.",
        source=NONUNIFORM,
        measure=lambda m: per_group(
            best_nonuniform(m),
            steps_of("norm").top_k(2).max() - steps_of("norm").top_k(2).min(),
        ),
        expect=Expect.above(0.5),
        unit=GROUP,
    ),
    Claim(
        key="correlated_orthogonal",
        text="Correlated pairs are orthogonal: share of low-loss tries with |cos| < 0.2 within "
        "both pairs.",
        source=SETS,
        measure=lambda m: share(m, "correlated", "largest_size", 0.2),
        expect=Expect.above(0.8),
        unit=GROUP,
    ),
    Claim(
        key="correlated_orthogonal_control",
        text="That share, less the share among independent features of the same density.",
        source=SETS,
        measure=lambda m: (
            share(m, "correlated", "largest_size", 0.2)
            - share(m, "independent", "largest_size", 0.2)
        ),
        expect=Expect.above(0.1),
        unit=GROUP,
    ),
    Claim(
        key="anticorrelated_antipodal",
        text="Anticorrelated pairs are antipodal: share of low-loss tries with cos < -0.9 within "
        "both pairs.",
        source=SETS,
        measure=lambda m: share(m, "anticorrelated", "largest", -0.9),
        expect=Expect.above(0.8),
        unit=GROUP,
    ),
    Claim(
        key="anticorrelated_antipodal_control",
        text="That share, less the share among independent features of the same density.",
        source=SETS,
        measure=lambda m: (
            share(m, "anticorrelated", "largest", -0.9)
            - share(m, "independent", "largest", -0.9, DENSITY / 2)
        ),
        expect=Expect.above(0.3),
        unit=GROUP,
    ),
    Claim(
        key="ladder_none",
        text="Of three correlated pairs none is collapsed at densities up to 0.05 (mean count).",
        source=SETS,
        paper=0.0,
        measure=lambda m: per_group(best_ladder(m, 0, 0.05), pl.col("collapsed").mean()),
        expect=Expect.below(0.25),
        unit=GROUP,
    ),
    *(
        Claim(
            key=f"ladder_{word}",
            text=f"{word.capitalize()} of them collapsed at densities {low} to {high} (mean).",
            source=SETS,
            paper=float(count),
            measure=lambda m, low=low, high=high: per_group(
                best_ladder(m, low, high), pl.col("collapsed").mean()
            ),
            expect=Expect.near(count, 0.25),
            unit=GROUP,
        )
        for word, count, low, high in (
            ("one", 1, 0.05, 0.15),
            ("two", 2, 0.15, 0.2),
            ("three", 3, 0.25, 0.5),
        )
    ),
    Claim(
        key="ladder_monotone",
        text="The denser, the more are collapsed (rank correlation, densities up to 0.5).",
        source=SETS,
        paper=1.0,
        measure=lambda m: per_group(
            best_ladder(m, 0, 0.5), pl.corr("density", "collapsed", method="spearman")
        ),
        expect=Expect.above(0.9),
        unit=GROUP,
    ),
    Claim(
        key="dense_reads_sums",
        text="At densities from 0.5 the weights read the pairs' sums, their principal components "
        "(least share of ||W||^2; random directions have 1/2).",
        source=SETS,
        paper=1.0,
        measure=lambda m: per_group(best_ladder(m, 0.5, 1), pl.col("sum_share").min()),
        expect=Expect.above(0.95),
        unit=GROUP,
    ),
    Claim(
        key="dense_keeps_two_pairs",
        text="And as many pairs are kept as there are dimensions, as in principal component "
        "analysis (mean count).",
        source=SETS,
        paper=2.0,
        measure=lambda m: per_group(best_ladder(m, 0.5, 1), pl.col("kept").mean()),
        expect=Expect.near(2, 0.25),
        unit=GROUP,
    ),
    Claim(
        key="ladder_control",
        text="Independent features of the same densities do not collapse (mean count).",
        source=SETS,
        measure=lambda m: per_group(
            best_ladder(m, 0, 1, "independent"), pl.col("collapsed").mean()
        ),
        expect=Expect.below(0.1),
        unit=GROUP,
    ),
    Claim(
        key="side_by_side",
        text="Up to density 0.05 correlated features lie side by side (share; a random order of "
        "six has 2/15).",
        source=SETS,
        paper=1.0,
        measure=lambda m: per_group(best_ladder(m, 0, 0.05), pl.col("side_by_side").mean()),
        expect=Expect.above(0.8),
        unit=GROUP,
    ),
    Claim(
        key="hexagon",
        text="There they form a hexagon (mean over densities of the greatest distance of a gap "
        "from 60 degrees).",
        source=SETS,
        paper=0.0,
        measure=lambda m: per_group(best_ladder(m, 0, 0.05), pl.col("gap_error").mean()),
        expect=Expect.below(15),
        unit=GROUP,
    ),
    Claim(
        key="local_bases",
        text="Of two sets of ten correlated features in ten dimensions each is an almost "
        "orthogonal basis (mean over features of the greatest |cos| within their set).",
        source=SETS,
        measure=lambda m: per_group(best_bases(m, "correlated"), pl.col("within").mean()),
        expect=Expect.below(0.3),
        unit=GROUP,
    ),
    Claim(
        key="local_bases_share",
        text="Their interference is across the sets (share within sets of squared overlaps).",
        source=SETS,
        measure=lambda m: per_group(best_bases(m, "correlated"), pl.col("within_share").mean()),
        expect=Expect.below(0.1),
        unit=GROUP,
    ),
    Claim(
        key="local_bases_control",
        text="Among independent features the same sets are not set apart: share within sets "
        "(9/19 by chance).",
        source=SETS,
        measure=lambda m: per_group(
            best_bases(m, "independent"), pl.col("within_share").mean()
        ),
        expect=Expect.between(0.3, 0.65),
        unit=GROUP,
    ),
)

study = Study(
    name="superposition_structure",
    title="Superposition of features that are not alike or not independent",
    paper="Elhage et al. 2022, Toy Models of Superposition (arXiv:2209.10652)",
    presets={
        "smoke": Config(
            seeds=1,
            tries=2,
            large_tries=1,
            ratios=(0.2, 0.4, 1.0),
            ladder=(0.04, 0.4),
            steps=100,
            batch_size=64,
            examples=2**10,
        ),
        "laptop": Config(),
        "paper": Config(
            seeds=10,
            tries=100,
            large_tries=20,
            steps=10_000,
            learning_rate=1e-3,
            examples=2**20,
        ),
    },
    costs={},
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
