"""The benchmark of growing cost: its cases, its rows, its figure."""

import jax
import pytest

from toylab.benchmarks import growth
from toylab.cli import bench
from toylab.errors import ToylabError
from toylab.train.cost import step_flops


def test_cases_grow_along_one_axis_each():
    found = growth.cases()
    assert len({case.name for case in found}) == len(found) == 26
    plain = growth.Case(kind="transformer", axis="P")
    for case in found:
        if case.kind == "transformer":
            others = {f: getattr(case, f) for f in growth.FIELDS.values()}
            own = others.pop(growth.FIELDS[case.axis])
            assert own == case.grown
            assert all(value == getattr(plain, f) for f, value in others.items())


def test_the_counted_operations_are_those_of_the_products():
    """A width of 256 against 128: products of D by D grow fourfold, the rest twofold at most."""
    wide = {
        d: step_flops(growth.population(growth.Case(kind="transformer", axis="D", width=d)))
        for d in (128, 256)
    }
    tokens, d = 32 * 32, 256
    products = (
        3 * 2 * tokens * (2 * 12 * d * d + 32 * d)
    )  # two blocks, unembedding; forward, twice back
    assert products < wide[256] < 1.35 * products
    assert 3 < wide[256] / wide[128] < 4


def test_what_is_drawn_is_what_was_found():
    rows: list[bench.Row] = [
        {
            "name": f"{kind}, {axis}={x}",
            "value": 100.0 / x,
            "unit": growth.UNIT,
            "baseline": "predicted",
            "baseline_value": 120.0 / x,
            "ratio": 100 / 120,
        }
        for kind, axis in (("autoencoder", "P"), ("transformer", "L"))
        for x in (1, 4)
    ]
    axes = growth.draw(rows).axes
    assert [list(ax.lines[0].get_ydata()) for ax in axes] == [[100.0, 25.0]] * 2
    assert axes[1].get_xlabel() == "positions L\n(transformer)"


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"rounds": 0}, {"largest": 0}])
def test_numbers_out_of_range(wrong):
    with pytest.raises(ToylabError, match=f"bench growth: {next(iter(wrong))}"):
        growth.rows(**wrong)


@pytest.mark.slow
def test_rows_of_few_members(monkeypatch):
    monkeypatch.setattr(growth, "GROWN", {"L": (16,)})
    rows = growth.rows(seconds=0.01, rounds=1, largest=8, matmul_sizes=(64,))
    assert [row["name"] for row in rows] == [
        "autoencoder, P=1",
        "autoencoder, P=4",
        "transformer, L=16",
    ]
    assert all(row["value"] > 0 and row["baseline_value"] > 0 for row in rows)
    assert jax.default_backend() != "cpu" or "40% of the matmul rate" in rows[0]["baseline"]
