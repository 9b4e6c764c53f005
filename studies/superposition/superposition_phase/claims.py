"""Claims of the study ``superposition_phase``."""

import polars as pl

from toylab.claims import Claim, Expect

from .readings import ASIDE, COLUMN, CONTROL, IMPORTANT, columns, nearest_to, onset_over_theory

PHASE = "Superposition as a Phase Change"
THEORY = "Superposition as a Phase Change, theory panel; the candidates' losses"
UNIT = "importance column"

CLAIMS = (
    Claim(
        key="n2_agreement",
        text="2 features in 1 dimension: the best of the seeds is in the phase of the least "
        "candidate loss (share of cells off a one-cell band).",
        source=PHASE,
        paper="same shape, by eye",
        reading=columns("n2").value("agreement", COLUMN),
        expect=Expect.above(0.85),
        unit=UNIT,
    ),
    Claim(
        key="n3_agreement",
        text="3 features in 2 dimensions: the same.",
        source=PHASE,
        paper="same shape, by eye",
        reading=columns("n3").value("agreement", COLUMN),
        expect=Expect.above(0.85),
        unit=UNIT,
    ),
    Claim(
        key="n2_above_controls",
        text="The agreement for n = 2 is above that of untrained models and of the commonest "
        "phase everywhere (difference from the greater).",
        source="control",
        reading=columns("n2").value(pl.col("agreement") - CONTROL, COLUMN),
        expect=Expect.above(0.1),
        unit=UNIT,
    ),
    Claim(
        key="n3_above_controls",
        text="The agreement for n = 3 is above that of untrained models and of the commonest "
        "phase everywhere (difference from the greater).",
        source="control",
        reading=columns("n3").value(pl.col("agreement") - CONTROL, COLUMN),
        expect=Expect.above(0.1),
        unit=UNIT,
    ),
    Claim(
        key="n2_single_seed_misleads",
        text="One seed per cell agrees less than the best of the seeds, n = 2 (difference): the "
        "phases are those of the minimum, not of a single run.",
        source=PHASE + ", footnote on the ten models per point",
        reading=columns("n2").value(pl.col("agreement") - pl.col("single"), COLUMN),
        expect=Expect.above(0.02),
        unit=UNIT,
    ),
    Claim(
        key="n2_onset_unimportant",
        text="Superposition of an extra feature of importance 0.1 begins at density 0.160 (the "
        "five columns nearest: measured over 4r/(2 + 5r)).",
        source=THEORY,
        paper=1.0,
        reading=onset_over_theory("n2", 0.1, 5),
        expect=Expect.between(1 / 1.5, 1.5),
        unit=UNIT,
    ),
    Claim(
        key="n2_onset_important",
        text="So it does for importance 10 (measured over 4/(5 + 2r)).",
        source=THEORY,
        paper=1.0,
        reading=onset_over_theory("n2", 10, 5),
        expect=Expect.between(1 / 1.5, 1.5),
        unit=UNIT,
    ),
    Claim(
        key="n3_onset_unimportant",
        text="With 3 features in 2 dimensions too, for importance 0.1.",
        source=THEORY,
        paper=1.0,
        reading=onset_over_theory("n3", 0.1, 5),
        expect=Expect.between(1 / 1.5, 1.5),
        unit=UNIT,
    ),
    Claim(
        key="n3_important_is_dedicated",
        text="With 3 features in 2 dimensions an extra feature more important than the others has "
        "a dimension of its own at every density (share of cells, importance >= 1.25).",
        source=PHASE,
        paper=1.0,
        reading=IMPORTANT.value("dedicated", COLUMN),
        expect=Expect.above(0.95),
        unit=UNIT,
    ),
    Claim(
        key="n3_level_boundary",
        text="There the other two begin to share at density 4/7, whatever the extra's importance "
        "(measured over 4/7, importance >= 1.25).",
        source=THEORY,
        paper=1.0,
        reading=IMPORTANT.value(pl.col("onset") / (4 / 7), COLUMN),
        expect=Expect.between(0.8, 1.25),
        unit=UNIT,
    ),
    Claim(
        key="triple_point",
        text="The three phases meet at importance 1, density 4/7 = 0.571 (onset in the six columns "
        "nearest to importance 1, n = 2).",
        source=THEORY,
        paper=4 / 7,
        reading=nearest_to("n2", 1.0, 6).value("onset", COLUMN),
        expect=Expect.between(0.4, 0.75),
        unit=UNIT,
    ),
    Claim(
        key="first_order",
        text="The change is of first order: from one density to the next the lesser feature's norm "
        "falls by more than 1/2 (greatest fall in a column; n = 2, importance <= 1/2 or >= 2).",
        source=PHASE,
        reading=columns("n2").filter(ASIDE).value("jump", COLUMN),
        expect=Expect.above(0.5),
        unit=UNIT,
    ),
    Claim(
        key="never_below_optimum",
        text="No trained model beats the exact optimum of 2 features in 1 dimension (least "
        "relative gap of a column; quadrature errs by 0.2%).",
        source="toylab.tasks.superposition.superposition_exact",
        reading=columns("n2").value("least_gap", COLUMN),
        expect=Expect.above(-0.002),
        unit=UNIT,
    ),
    Claim(
        key="reaches_optimum",
        text="The best of the seeds reaches it (mean relative gap of a column).",
        source="toylab.tasks.superposition.superposition_exact",
        reading=columns("n2").value("mean_gap", COLUMN),
        expect=Expect.below(0.02),
        unit=UNIT,
    ),
    Claim(
        key="candidates_are_not_minima",
        text="The candidate losses, of norm 1 and bias 0, are not minima: trained models lie up to "
        "15% below the least of them (greatest share of a column, n = 2).",
        source="toylab.tasks.superposition.superposition_phase",
        reading=columns("n2").value("below_candidates", COLUMN),
        expect=Expect.between(0.05, 0.2),
        unit=UNIT,
    ),
)
