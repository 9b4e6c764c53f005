"""Facts, shifts and dialects: their own rules, against slow ones."""

import jax
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.tools.dialects import Dialects
from toylab.tasks.tools.facts import Facts
from toylab.tasks.tools.shifts import Shifts

FACTS, SHIFTS = Facts(5, 2, 3, 4, world=1), Shifts(3, 4)
DIALECTS = Dialects(3, 3, 5)


@pytest.mark.parametrize("world", [FACTS, SHIFTS, DIALECTS], ids=lambda w: type(w).__name__)
def test_the_rules_hold(world):
    batch = world.batch(jax.random.key(0), 8)
    assert world.consistent(batch).all()
    assert not world.consistent(batch._replace(targets=batch.targets + 1)).any()


def test_a_fact_is_one_thing_whatever_its_filler():
    batch, told = FACTS.enumerate(), {}
    for x, value in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        assert told.setdefault((x[0], x[2]), value) == value
    assert len(told) == FACTS.size and len(batch.inputs) == FACTS.size * FACTS.fillers
    other = Facts(5, 2, 3, 4, world=2).values_of_facts()
    assert (np.asarray(other) != np.asarray(FACTS.values_of_facts())).any()


def test_shifts_move_a_torus():
    batch = SHIFTS.batch(jax.random.key(1), 32)
    parts = batch.inputs, batch.targets, batch.latents["shift"], batch.latents["shown"]
    for x, y, shift, shown in zip(*(part.tolist() for part in parts), strict=True):
        down, right = divmod(shift, 3)
        blanks = x.count(90)
        assert x[:blanks] == [90] * blanks and blanks == 3 - shown
        told = [divmod(token - 9, 9) for token in x[blanks:-1]] + [(x[-1], y)]
        for symbol, image in told:
            row, column = divmod(symbol, 3)
            assert image == (row + down) % 3 * 3 + (column + right) % 3
        assert len({symbol for symbol, _ in told}) == shown + 1


def test_dialects_name_things():
    batch = DIALECTS.batch(jax.random.key(1), 32)
    for i, x in enumerate(batch.inputs.tolist()):
        dialect, partner = (int(batch.latents[name][i]) for name in ("dialect", "partner"))
        assert x[0] == dialect != partner
        for t in range(1, 11, 2):
            speaker, thing = divmod(x[t] - 3, 3)
            assert x[t + 1] == 9 + thing * 3 + (dialect, partner)[speaker]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Facts(subjects=1), "subjects = 1"),
        (lambda: Shifts(side=2, length=5), "length = 5"),
        (lambda: Dialects(dialects=1), "dialects = 1"),
    ],
)
def test_what_is_no_world_is_refused(make, told: str):
    with pytest.raises(ToylabError, match=told):
        make()
