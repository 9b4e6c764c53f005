"""Readings: what a claim judges and a figure draws, one value per named unit.

A reading is an expression over a study's stored tables. It is written once, before any run, and
evaluated on the measures of a run:

    sink = table("curves").filter(arm="adam").last("step").value("sink")
    gain = sink - table("curves").filter(arm="adam").first("step").value("sink")
    gain = gain.where(table("curves").last("step").value("loss") <= 0.1)

Each value belongs to a unit, by default a seed, and every operation joins on the unit's name. Four
states stay apart up to the verdict:

========= ==================================================================================
value     a finite number
diverged  the loss of a network of the unit ceased to be finite in training
undefined there is no such number: an entry is missing or not finite, or a ratio is by 0
excluded  the unit failed the test of a ``where``
========= ==================================================================================

What is made of several readings takes the gravest of their states (diverged, excluded, undefined);
a unit that one side lacks is undefined. In tables that a reading is given NaN has become null, so
NaN is never compared: a test of a null keeps no row.

Which rows are of diverged networks a table may say itself, in a boolean column ``diverged``. Where
it does not, a row counts as diverged if a network with its ``init_seed`` diverged in its
``population`` (in any, where there is no such column); with neither column, if any network did.
"""

from toylab.read.expressions import Reading, choose, combine, greatest, least, reading
from toylab.read.rows import Rows, as_rows, table
from toylab.read.values import DIVERGED, SEED, STATES, Measures, Values, clean

__all__ = [
    "DIVERGED",
    "SEED",
    "STATES",
    "Measures",
    "Reading",
    "Rows",
    "Values",
    "as_rows",
    "choose",
    "clean",
    "combine",
    "greatest",
    "least",
    "reading",
    "table",
]
