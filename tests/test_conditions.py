"""Conditions: put before those that a claim has, and alone."""

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import given, only
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
