"""How many bits of an axis floats hold: texts of random models, coded and decoded.

Shape suffixes: N texts, L length, V symbols.
"""

import numpy as np
import polars as pl

from toylab.analysis.volumes.chances import ancestral, log_chances
from toylab.analysis.volumes.coder import returns
from toylab.errors import check_number

SYMBOLS = 8
NUMBERS = {"float32": (np.float32, (5, 40)), "float64": (np.float64, (35, 70))}  # bits to look at
AXES = (1, 2, 4)
BIN = 5  # bits
LENGTHS = 16


def precision(seed: int, texts: int) -> pl.DataFrame:
    """Return the share of texts that come back, by the bits that they need along an axis.

    A model is a table of chances of the next of 8 symbols given the last, drawn evenly from all
    tables, and texts are its own. A text of ``b`` bits over d axes has ``b / d`` along each.

    Args:
        seed: of model and texts.
        texts: texts of each of 16 lengths.

    Returns:
        Columns: number (float32 or float64), axes, bits (the lower end of a bin of 5), share.
    """
    check_number("precision", "texts", texts, 1, whole=True)
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(SYMBOLS), SYMBOLS + 1)
    model = lambda before: table[(before[:, -1:] + 1).sum(1)]  # row 0 where nothing is before
    rows = []
    for name, (number, (low, high)) in NUMBERS.items():
        longest = int(high * max(AXES) / 1.5)
        text_NL = ancestral(model, texts * LENGTHS, longest, SYMBOLS, rng)
        for axes in AXES:
            lengths = np.linspace(low * axes / 3, high * axes / 1.5, LENGTHS).astype(int)
            found = []
            for own_NL, length in zip(np.split(text_NL, LENGTHS), lengths, strict=True):
                text = own_NL[:, : max(length, 1)]
                bits = -log_chances(model, text, SYMBOLS) / np.log(2) / axes
                back = returns(model, text, axes, SYMBOLS, number)
                found.append(pl.DataFrame({"bits": bits // BIN * BIN, "share": back.astype(float)}))
            some = pl.concat(found).filter(pl.col("bits").is_between(low, high))
            mean = some.group_by("bits").agg(pl.col("share").mean()).sort("bits")
            rows.append(mean.with_columns(number=pl.lit(name), axes=pl.lit(axes)))
    return pl.concat(rows)
