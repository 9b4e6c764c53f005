"""Files that people have: tables, edge lists, instances of CountDown, texts."""

import itertools
import json
from pathlib import Path

import jax
import networkx as nx
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.tasks.countdown.countdown_rows import read_instances
from toylab.tasks.countdown.countdown_rules import Rules
from toylab.tasks.grokking.modular import ModularArithmetic
from toylab.tasks.grokking.own_table import OwnTable
from toylab.tasks.in_context.graph_tracing import GraphTracing
from toylab.tasks.in_context.graphs import given, read_edges
from toylab.tasks.text.characters import Characters

RULES = Rules()


def put(folder: Path, text: str | bytes, name: str = "own.txt") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


@pytest.mark.parametrize("apart", [",", ";", "\t", " ", " , "])
@pytest.mark.parametrize("heading", ["", "a{0}b{0}c\n"])
def test_a_table_of_sums_is_that_of_the_library(tmp_path: Path, apart: str, heading: str):
    rows = [(x, y, (x + y) % 7) for x, y in itertools.product(range(7), repeat=2)]
    np.random.default_rng(0).shuffle(rows)
    lines = "".join(apart.join(map(str, row)) + "\r\n" for row in rows)
    own = OwnTable(path=put(tmp_path, heading.format(apart) + lines), fraction=0.5)
    theirs = ModularArithmetic(p=7, fraction=0.5)
    for mine, other in zip(own.table(), theirs.table(), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert own.symbols == tuple("0123456") and (own.n, own.vocab) == (7, 8)
    one, two = (task.split()["train"].inputs for task in (own, theirs))
    np.testing.assert_array_equal(one, two)


def test_words_numbers_of_any_kind_and_gaps_are_a_table(tmp_path: Path):
    words = OwnTable(path=put(tmp_path, "red red blue\nred blue red\nblue red red\n"), fraction=0.7)
    assert words.symbols == ("blue", "red") and words.size == 3
    ten = OwnTable(path=put(tmp_path, "9 10 -1.5\n10 9 9\n", "b.txt"), fraction=0.5)
    assert ten.symbols == ("-1.5", "9", "10")
    changed = words.fingerprint()
    put(tmp_path, "red red red\nred blue red\nblue red red\n")
    assert words.fingerprint() != changed or words.table()[1].tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1 2\n", "line 1: '1 2' is not three words"),
        ("1,,2,3\n", "not three words"),
        ("1 2 3\n# no\n1 2 4\n", "is 3 in line 1 and 4 in line 3"),
        ("\n# nothing\n", "holds no row"),
        (b"\0\xff\xfe\xff", "cannot be read"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str | bytes, told: str):
    with pytest.raises(ToylabError, match=told):
        OwnTable(path=put(tmp_path, text))
    with pytest.raises(ToylabError, match="cannot be read"):
        OwnTable(path=str(tmp_path))


def test_an_edge_list_is_the_graph(tmp_path: Path):
    graph = nx.petersen_graph()
    lines = [f"{b + 1}\t{a + 1}" for a, b in graph.edges] + ["2 1"]
    found = read_edges(put(tmp_path, "# from 1\n" + "\n".join(lines)))
    assert found.names == tuple(map(str, range(1, 11)))
    np.testing.assert_array_equal(given(found.edges), nx.to_numpy_array(graph) > 0)
    task = GraphTracing(10, ("given",), (), edges=found.edges, length=24)
    batch = task.batch(jax.random.key(0), 3)
    assert (np.asarray(batch.latents["degree"]) == 3).all()


@pytest.mark.parametrize(
    ("text", "told"),
    [("1 2 3\n", "two nodes"), ("a a\n", "two different"), ("a b\nc d\n", "piece|connected")],
)
def test_an_edge_list_that_is_none_is_refused(tmp_path: Path, text: str, told: str):
    with pytest.raises(ToylabError, match=told):
        read_edges(put(tmp_path, text))


ROWS = [([3, 7, 12], 33), ([2, 2, 9], 40), ([12, 1, 1], 24), ([5, 5, 5, 5], 20), ([3, 99, 1], 9)]


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet", "txt"])
def test_rows_of_countdown_of_every_kind(tmp_path: Path, kind: str):
    path = tmp_path / f"rows.{kind}"
    objects = [{"nums": numbers, "target": target} for numbers, target in ROWS]
    if kind == "parquet":
        pl.DataFrame(objects).write_parquet(path)
    elif kind == "txt":
        path.write_text("# n n n target\n" + "\n".join(f"{n} {t}".strip("[") for n, t in ROWS))
        path.write_text(path.read_text().replace("[", "").replace("]", ""))
    else:
        lines = "\n".join(map(json.dumps, objects))
        path.write_text(json.dumps(objects) if kind == "json" else lines)
    found = read_instances(path, RULES)
    np.testing.assert_array_equal(found.hand_IN, [[3, 7, 12], [2, 2, 9], [1, 1, 12]])
    np.testing.assert_array_equal(found.target_I, [33, 40, 24])
    reach = [reached(hand) for hand in found.hand_IN.tolist()]
    assert found.solvable_I.tolist() == [t in r for t, r in zip([33, 40, 24], reach, strict=True)]
    assert [text.split(":")[0] for text in found.bad] == ["row 4", "row 5"]


def reached(hand: list[int]) -> set[int]:
    """Every result of a hand, by trying all orders."""
    if len(hand) == 1:
        return set(hand)
    found = set()
    for i, j in itertools.combinations(range(len(hand)), 2):
        a, b = hand[i], hand[j]
        rest = [n for k, n in enumerate(hand) if k not in (i, j)]
        for result in (a + b, abs(a - b), a * b):
            if result <= RULES.top:
                found |= reached([*rest, result])
    return found


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.jsonl", '{"numbers": [1, 2, 3]}', "cannot be read as instances"),
        ("a.json", "[1, 2", "cannot be read as instances"),
        ("a.parquet", "nothing", "cannot be read as instances"),
        ("a.txt", "one two\n", "cannot be read as instances"),
        ("a.jsonl", '{"nums": [1, 2, true], "target": 6}', "no instance.*whole numbers"),
        ("a.txt", "1 2 3 4 10\n", r"4 numbers, .* take 3; give Rules\(numbers=4\)"),
        ("a.txt", "1 2 3 4 5 15\n", "5 numbers, .* take 3; no rules take other than 2 to 4"),
    ],
)
def test_rows_that_are_none_are_refused(tmp_path: Path, name: str, text: str, told: str):
    with pytest.raises(ToylabError, match=told):
        read_instances(put(tmp_path, text, name), RULES)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_text_is_read_in_its_encoding(tmp_path: Path, encoding: str):
    text = "Über Äpfel und Öl. " * 9
    task = Characters(put(tmp_path, text.encode(encoding)), length=5, share=0.5)
    assert task.characters == "".join(sorted(set(text)))
    assert task.decode(np.array(task.encode("Öl Äpfel"))) == "Öl Äpfel"
    train, held = (Characters(task.path, 5, 0.5, part) for part in ("train", "held out"))
    for part, low, high in ((train, 0, 85), (held, 85, 171)):
        batch = part.batch(jax.random.key(0), 400)
        first = np.asarray(batch.latents["first"])
        assert (first.min(), first.max()) == (low, high - 6)
        assert part.consistent(batch).all()
    with pytest.raises(ToylabError, match="does not occur"):
        task.encode("x")


def test_a_text_that_is_too_short_is_refused(tmp_path: Path):
    with pytest.raises(ToylabError, match=r"held out.*needs 65"):
        Characters(put(tmp_path, "abc" * 100), part="held out")
    with pytest.raises(ToylabError, match="0 characters"):
        Characters(put(tmp_path, ""))


def test_the_example_is_a_group():
    from toylab.tasks.grokking.own_table import EXAMPLE

    task = OwnTable(path=EXAMPLE, fraction=0.5)
    times = {(x, y): z for (x, y), z in zip(*(t.tolist() for t in task.table()), strict=True)}
    every = range(6)
    assert all(
        times[times[x, y], z] == times[x, times[y, z]]
        for x, y, z in itertools.product(every, repeat=3)
    )
    assert any(times[x, y] != times[y, x] for x, y in itertools.product(every, repeat=2))
