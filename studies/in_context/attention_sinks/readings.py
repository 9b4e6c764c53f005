"""Readings of the stored tables, one value per seed."""

from toylab.read import Reading, choose, greatest, table

LEARNED = 0.05  # nats


def at(arm: str, score: str, first: bool = False) -> Reading:
    """A score of an arm's networks at the last step, or before training."""
    rows = table("curves").filter(arm=arm)
    return (rows.first() if first else rows.last()).value(score)


def law(arm: str, score: str, kind: str, column: str) -> Reading:
    """Slope or R2 of a line through the last decade."""
    return table("growth").filter(arm=arm, score=score, law=kind).value(column)


def rising(arm: str, score: str, kind: str) -> Reading:
    """R2 of a line that rises; minus one where it falls."""
    return choose(law(arm, score, kind, "slope") > 0, law(arm, score, kind, "r2"), -1.0)


def cut(condition: str, score: str, arm: str = "adam") -> Reading:
    """A score under a condition."""
    return table("conditions").filter(arm=arm, condition=condition).value(score)


def against_adam(arm: str) -> Reading:
    """An arm's growth of the residual over Adam's, where Adam's grows."""
    adam = law("adam", "resid_start", "linear", "slope")
    return (law(arm, "resid_start", "linear", "slope") / adam).where(adam > 0)


def excess(arm: str) -> Reading:
    """How far both risks together are from the oracle's, the larger of the two."""
    off = at(arm, "bigram_risk") - at(arm, "bigram_floor")
    return greatest(off, at(arm, "backcopy_risk") - at(arm, "backcopy_floor"))


def where_learned(arm: str, reading: Reading) -> Reading:
    """A symptom of an arm's networks that are within ``LEARNED`` of the oracle's risks."""
    return reading.where(excess(arm) <= LEARNED)
