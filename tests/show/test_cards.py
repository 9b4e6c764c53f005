"""What a notebook shows of the laboratory's objects, and the growing curve."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

import toylab as tl
from toylab.show.curve import Curve
from toylab.tasks.superposition.superposition import Sparse
from toylab.train.loop import Progress

MODEL = tl.Autoencoder(5, 2)
POPULATION = tl.Population(
    model=MODEL,
    task=Sparse(5, density=0.3),
    members=tl.seeds(2) * tl.grid(density=(0.5, 0.1)),
    optimizer=tl.AdamW(1e-2, 0.0),
    steps=10,
    batch_size=8,
)
CLAIM = tl.Claim(
    "low", "Loss < 1 & more.", "Fig. 1", tl.table("t").value("x"), tl.Expect.below(1), "theory: one"
)


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (MODEL, ("Autoencoder", "n_hidden", "parameters", "15")),
        (tl.MLP((2, 3)), ("MLP", "sizes")),
        (tl.seeds(9), ("9 members", "and 3 more")),
        (POPULATION, ("Population of 4 members", "density", "0.1, 0.5", "10 of 8 examples")),
        (CLAIM, ("Loss &lt; 1 &amp; more.", "&lt;= 1; theory: one", "Fig. 1")),
    ],
)
def test_a_card_tells_what_there_is(thing, words):
    shown = thing._repr_html_()
    for word in words:
        assert word in shown, shown


def test_cards_of_results():
    verdicts = tl.judge_all([CLAIM], {"t": pl.DataFrame({"init_seed": range(8), "x": [0.5] * 8})})
    assert (
        "reproduced" in verdicts[0]._repr_html_() and "0.5 [0.5, 0.5]" in verdicts[0]._repr_html_()
    )
    assert "<td" in verdicts._repr_html_() and "Loss &lt; 1 &amp; more." in verdicts._repr_html_()
    head, line = repr(verdicts).splitlines()
    assert head.split() == ["verdict", "claim", "expected", "measured", "[95%]", "n"]
    assert line.split("  ")[0] == "reproduced" and "0.5 [0.5, 0.5]" in line and line.endswith(" 8")
    fitted = tl.fit(POPULATION)
    assert "at step 10" in fitted._repr_html_() and "0 of 4" in fitted._repr_html_()
    x = jax.random.normal(jax.random.key(0), (2, 30, 4))
    probe = tl.ridge(x, jnp.sum(x, -1, keepdims=True))
    assert "<td" in probe._repr_html_() and "regression" in probe._repr_html_()


def test_the_curve_grows_and_counts_the_diverged():
    curve = Curve()
    assert "nothing" in curve._repr_html_()
    for step in (10, 20):
        curve.add(Progress(step, 1000, 3, np.array([2.0 / step, 1.0 / step, np.nan]), 0.1, 30))
    shown = curve._repr_html_()
    assert "step 20 of 1,000, 3 members, median loss 0.075, 1 diverged" in shown
    line = shown.split('<polyline points="')[1].split('"')[0].split()
    x, y = np.array([[float(n) for n in point.split(",")] for point in line]).T
    # On a log scale all three members fall by a factor of two.
    assert x[1] - x[0] == pytest.approx((420 - 58 - 4) * 0.01, abs=0.1) and y[1] > y[0]
    allover = Curve()
    allover.add(Progress(10, 1000, 2, np.array([np.nan, np.nan]), 0.1, 30))
    assert "2 diverged" in allover._repr_html_() and "svg" not in allover._repr_html_()
