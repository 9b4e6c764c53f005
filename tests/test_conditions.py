"""Conditions: put before those that a claim has, and alone."""

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import given, only, passage
from toylab.read import table

LOSS = table("ends").value("loss")
BAR = "theory: guessing costs 1"


def test_a_shared_condition_comes_first_and_the_rest_stays():
    first, own = (Condition(text, LOSS, Expect.below(1)) for text in ("first", "own"))
    claims = (
        Claim("a", "A.", "none", LOSS, Expect.below(1), BAR, headline=True),
        Claim("b", "B.", "none", LOSS, Expect.below(1), BAR, requires=(own,)),
    )
    a, b = given(first, *claims)
    assert a.requires == (first,) and a.headline
    assert b.requires == (first, own)


def test_a_condition_alone_is_a_tuple_of_one():
    assert only("small", LOSS, Expect.below(1)) == (Condition("small", LOSS, Expect.below(1)),)


def test_a_claim_has_what_its_passage_has_unless_it_says_otherwise():
    first = Condition("first", LOSS, Expect.below(1))
    claim = passage("A 2022, section 3", unit="group", bar="ours: a tenth")
    ours = claim("fall", "Loss falls.", LOSS, Expect.below(0.1), requires=(first,), paper=0.0)
    assert (ours.source, ours.bar) == ("A 2022, section 3", "ours: a tenth")
    assert (ours.unit, ours.requires, ours.paper) == ("group", (first,), 0)
    bar = "paper: a tenth"
    theirs = claim("fall", "Loss falls.", LOSS, Expect.below(0.1), at="figure 2", bar=bar)
    assert (theirs.source, theirs.bar) == ("A 2022, section 3, figure 2", bar)
    assert (theirs.unit, claim("a", "A.", LOSS, Expect.below(1)).bar) == ("group", "ours: a tenth")
