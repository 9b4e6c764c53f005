"""Conditions: put before those that a claim has, and alone."""

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import given, only, passage
from toylab.read import table

LOSS = table("ends").value("loss")


def test_a_shared_condition_comes_first_and_the_rest_stays():
    first, own = (Condition(text, LOSS, Expect.below(1)) for text in ("first", "own"))
    claims = (
        Claim("a", "A.", "none", LOSS, Expect.below(1), headline=True),
        Claim("b", "B.", "none", LOSS, Expect.below(1), requires=(own,)),
    )
    a, b = given(first, *claims)
    assert a.requires == (first,) and a.headline
    assert b.requires == (first, own)


def test_a_condition_alone_is_a_tuple_of_one():
    assert only("small", LOSS, Expect.below(1)) == (Condition("small", LOSS, Expect.below(1)),)


def test_a_claim_has_its_passage_and_says_whose_region_it_is():
    first = Condition("first", LOSS, Expect.below(1))
    claim = passage("A 2022, section 3", unit="group")
    ours = claim("fall", "Loss falls.", LOSS, Expect.below(0.1), requires=(first,), paper=0.0)
    assert ours.source == "A 2022, section 3; region: this laboratory"
    assert (ours.unit, ours.requires, ours.paper) == ("group", (first,), 0)
    theirs = claim("fall", "Loss falls.", LOSS, Expect.below(0.1), at="figure 2", region="")
    assert theirs.source == "A 2022, section 3, figure 2"
    assert passage("A 2022", region="")("a", "A.", LOSS, Expect.below(1)).source == "A 2022"
