"""Claims of the study of sentences as volumes: samples, sentences written again, lines."""

import polars as pl

from toylab.claims import Condition, Expect
from toylab.conditions import only, passage
from toylab.read import Reading, Rows, table
from toylab.read.networks import trend
from toylab.read.values import Measures

SAMPLES, BOXES, CODES = table("samples"), table("boxes"), table("codes")
BETWEEN, FLOAT32 = table("between"), table("precision").filter(number="float32")


def score(kind: str, column: str = "distinct", **ways: str) -> Reading:
    """A score of samples of boxes, of a null, or of a kind of which a seed has one network."""
    return SAMPLES.filter(kind=kind, **ways).value(column)


def best(*kinds: str, how: str = "even", words: str = "likeliest") -> Reading:
    """Most distinct sentences among the samples of autoencoders of a seed whose codes hold any.

    Codes hold sentences where half of those outside of the corpus are written again. The VAE of
    beta 1 has an empty code: with drawn words it is a second language model.
    """
    rows = SAMPLES.filter(kind=kinds, how=how, words=words)
    held = pl.when(pl.col("restored_new") >= 0.5).then("distinct")
    return rows.then(_with_codes, with_measures=True).aggregate(held.max())


def _with_codes(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
    names = ["init_seed", "kind", "beta"]
    held = m["codes"].select(*names, "restored_new")
    return rows.join(held, on=names, how="left", nulls_equal=True)


def by_beta(rows: Rows, column: str) -> Reading:
    """Rank correlation of a score of VAEs with beta, per seed."""
    return trend(rows.filter(kind="vae"), pl.col(column).mean(), "beta")


def middle(kind: str) -> Reading:
    """What is kept halfway of subject, verb and object, of the VAE of the least beta if it is one.

    Their mean: of a box the last word, the object, is the first that neighbours do not share.
    """
    rows = BETWEEN.filter(kind=kind, at=0.5)
    rows = rows.first("beta") if kind == "vae" else rows
    return rows.value(pl.mean_horizontal("subject", "verb", "object"))


SPEAKS = Condition(
    "the language model needs at most a quarter of a bit more than the grammar's entropy",
    BOXES.value("excess"),
    Expect.below(0.25),
)
RESTORES = Condition(
    "plain autoencoders write 95% of the sentences outside of the corpus again",
    CODES.filter(kind=("ae", "attention")).aggregate(pl.col("restored_new").min()),
    Expect.above(0.95),
)
KEEPS = Condition(
    "the VAE of the least beta writes 95% of the sentences outside of the corpus again",
    CODES.filter(kind="vae").first("beta").value("restored_new"),
    Expect.above(0.95),
)
PAPER = "Celotti et al. 2020 (2003.13600)"
FIRST = "paper: the widest variety, so more than 0"
ORDER = "ours: 0.8, four in order but for one pair of neighbours"

paper = passage(f"{PAPER}, abstract", requires=(SPEAKS, RESTORES, KEEPS))
ours = passage(f"this laboratory, on {PAPER}", requires=(SPEAKS,))

CLAIMS = (
    paper(
        "wider_than_vae",
        "Points drawn evenly give more of the grammar's sentences in AriEL's cube than in the "
        "latent space of the best VAE whose code holds sentences, with its likeliest words.",
        score("ariel") - best("vae"),
        Expect.above(0),
        bar=FIRST,
        control=only(
            "more, too, than of the best VAE that draws its words, as boxes draw theirs",
            score("ariel") - best("vae", words="drawn"),
            Expect.above(0),
        ),
        headline=True,
    ),
    paper(
        "wider_than_autoencoders",
        "They give more than in the latent space of the better one of a recurrent autoencoder and "
        "a transformer.",
        score("ariel") - best("ae", "attention"),
        Expect.above(0),
        bar=FIRST,
        control=(
            Condition(
                "also more than where these draw their words, as boxes draw theirs",
                score("ariel") - best("ae", "attention", words="drawn"),
                Expect.above(0),
            ),
            Condition(
                "also more than where their points are drawn as codes lie",
                score("ariel") - best("ae", "attention", how="natural"),
                Expect.above(0),
            ),
        ),
    ),
    paper(
        "vae_follows",
        "On a grammar the VAE comes second: it gives more than the better autoencoder.",
        best("vae") - best("ae", "attention"),
        Expect.above(0),
        bar="paper: on toy data the VAE is second, so more than 0",
        control=only(
            "it also gives more where the points of both are drawn as codes lie",
            best("vae", how="natural") - best("ae", "attention", how="natural"),
            Expect.above(0),
        ),
    ),
    ours(
        "even_points_are_ancestral_samples",
        "Even points of the cube give no more sentences than ancestral samples of the same "
        "language model, to one in a hundred.",
        score("ariel") - score("ancestral"),
        Expect.near(0, 0.01),
        bar="theory: the same distribution; 0.01 is twice the standard deviation of one network",
        requires=(
            SPEAKS,
            Condition(
                "sentences of even points are as frequent as their boxes are large (p-value of "
                "chi-square)",
                BOXES.value("p_value"),
                Expect.between(0.05, 0.95),
            ),
        ),
    ),
    ours(
        "coverage_is_as_computed",
        "How many sentences even points give is what the volumes say, in standard deviations of "
        "one draw.",
        (score("ariel") - BOXES.value("expected")) / BOXES.value("spread"),
        Expect.near(0, 1),
        bar="theory: 0, with one standard deviation on both sides",
    ),
    ours(
        "exact_boxes_give_all_back",
        "In fractions every sentence outside of the corpus comes back from its box's centre, of an "
        "untrained network too.",
        (BOXES.value("returned") + BOXES.value("returned_untrained")) / 2,
        Expect.above(0.999),
        bar="theory: 1, whatever the model",
        control=only(
            "an untrained network's boxes of sentences fill no thousandth of the cube",
            BOXES.value("mass_untrained"),
            Expect.below(0.001),
        ),
    ),
    ours(
        "floats_hold_their_bits",
        "In float32 nine in ten texts come back of at most 20 bits along an axis, over 1, 2 and 4 "
        "axes.",
        FLOAT32.filter(pl.col("bits") < 20).aggregate(pl.col("share").min()),
        Expect.above(0.9),
        bar="theory: 24 bits, of which some go to the place of the box",
        requires=(),
        control=only(
            "of more than 30 bits at most one in ten does",
            FLOAT32.filter(pl.col("bits") >= 30).aggregate(pl.col("share").max()),
            Expect.below(0.1),
        ),
    ),
    ours(
        "autoencoder_is_sampled_wrongly",
        "The autoencoder's points drawn as its codes lie, from a Gaussian, are valid more often "
        "than even ones, by four in ten.",
        score("ae", "valid", how="natural", words="likeliest")
        - score("ae", "valid", how="even", words="likeliest"),
        Expect.above(0.4),
        bar="ours: four in ten, near half of all there is",
        requires=(RESTORES,),
    ),
    ours(
        "beta_costs_reconstruction",
        "The larger the VAE's beta, the fewer sentences outside of the corpus it writes again "
        "(Spearman over four).",
        by_beta(CODES, "restored_new"),
        Expect.below(-0.8),
        bar=ORDER,
        requires=(KEEPS,),
    ),
    ours(
        "beta_brings_validity",
        "And the more of its sentences from the prior, with drawn words, are valid.",
        by_beta(SAMPLES.filter(how="natural", words="drawn"), "valid"),
        Expect.above(0.8),
        bar=ORDER,
        requires=(KEEPS,),
    ),
    ours(
        "vae_is_at_par_from_its_prior",
        "From its prior and with drawn words, the best VAE whose code holds sentences gives as "
        "many as AriEL, to a fiftieth of all.",
        score("ariel") - best("vae", how="natural", words="drawn"),
        Expect.near(0, 0.02),
        bar="ours: a fiftieth, less than a reader sees by eye",
    ),
    ours(
        "new_sentences_have_volumes",
        "Of the sentences outside of the corpus even points give eight tenths as many as of all.",
        score("ariel", "new") / score("ariel"),
        Expect.above(0.8),
        bar="ours: eight tenths; draws from the corpus have 0, a perfect model 1",
    ),
    ours(
        "lines_between_codes_keep_meaning",
        "Halfway between two codes of the VAE of the least beta, subject, verb and object are of "
        "one of the two ends, beyond chance (a mean kappa of 0.4).",
        middle("vae"),
        Expect.above(0.4),
        bar="ours: 0.4, from where agreement is called moderate (Landis and Koch 1977)",
        requires=(KEEPS,),
    ),
    ours(
        "lines_between_boxes_keep_none",
        "Halfway between two centres of boxes, subject, verb and object are of the ends by chance "
        "only, to a tenth.",
        middle("ariel"),
        Expect.near(0, 0.1),
        bar="ours: a tenth; boxes share beginnings, so that only the last word need be at chance",
    ),
)
