"""Compiled programs: answers against the language and against Python, edges against patches."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from toylab.analysis.circuits import Edges, edge_effects, logit_difference
from toylab.errors import ToylabError
from toylab.models.wired.compiled import Compiled
from toylab.models.wired.program import MIXED, NONE, Program
from toylab.tasks.tools.programs import PROGRAMS, Programs

SIZE = 4
same, before = (lambda q, k: q == k), (lambda q, k: k == q - 1)


def slow(program, x):
    """The program at every position of one sequence, in plain loops over sets of values."""
    seen = [{"token": {t}, "position": {i}} for i, t in enumerate(x)]
    for statement in program.statements:
        for i, here in enumerate(seen):
            if hasattr(statement, "outputs"):
                sizes = [program.sizes[name] for name in statement.inputs]
                places = list(itertools.product(*(range(n) for n in sizes)))
                values = itertools.product(*(here[name] for name in statement.inputs))
                here[statement.name] = {statement.outputs[places.index(v)] for v in values}
                continue
            found = set()
            for q, other in itertools.product(here[statement.query], seen[: i + 1]):
                if any(statement.allowed[q][k] for k in other[statement.key]):
                    found |= other[statement.value] or {None}
            here[statement.name] = found
    return seen


def answers(model, tokens):
    first = np.full((len(tokens), 1), model.vocab - 1)
    inputs = jnp.asarray(np.concatenate([first, tokens], 1))
    return np.asarray(jax.jit(model.apply)(model.init(jax.random.key(0)), inputs)[:, 1:])


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_compiled_network_answers_as_its_program(kind):
    program = Programs(kind, SIZE).program
    tokens = np.array(list(itertools.product(range(program.tokens), repeat=program.length)))
    found = program.run(tokens)[program.answer]
    logits = answers(Compiled.of(program, heads=2), tokens)
    one = found >= 0
    assert one[:, -1].mean() > 0.2
    np.testing.assert_array_equal(logits.argmax(-1)[one], found[one])
    assert (logits.max(-1)[one] > 15).all()
    assert np.abs(logits[found == NONE]).max(initial=0) < 0.2  # of 16
    for x, values in zip(tokens[::7], found[::7], strict=True):
        for here, value in zip(slow(program, x.tolist()), values, strict=True):
            many = here[program.answer]
            assert value == (MIXED if len(many) > 1 else next(iter(many), NONE))


@pytest.mark.parametrize("kind", PROGRAMS)
def test_every_edge_that_can_vary_matters_and_no_other(kind):
    task = Programs(kind, SIZE)
    model = Compiled.of(task.program, heads=2)
    clean, corrupt = (task.batch(jax.random.key(n), 16) for n in (0, 1))
    metric = logit_difference(clean.targets[:, -1])
    params, edges = model.init(jax.random.key(0)), Edges.of(model)
    found = np.asarray(edge_effects(model, params, clean.inputs, corrupt.inputs, metric))
    true = edges.mask(model.edges(fixed=False))[edges.possible]
    assert (found[true] < -1).all()  # of a gap of 16 to the mean
    np.testing.assert_allclose(found[~true], 0, atol=1e-5)
    assert task.consistent(clean).all()


def test_edges_are_those_of_a_hand_count():
    models = {kind: Compiled.of(Programs(kind, SIZE).program) for kind in PROGRAMS}
    assert models["induction"].edges() == {
        *(("embed", f"a0.h0<{kind}>") for kind in "qkv"),
        *(("embed", f"a1.h0<{kind}>") for kind in "qv"),
        ("a0.h0", "a1.h0<k>"),
        ("a1.h0", "logits"),
    }
    assert models["adder"].edges(fixed=False) == {
        ("embed", "a0.h0<v>"),
        ("embed", "a0.h1<v>"),
        ("a0.h0", "m0"),
        ("a0.h1", "m0"),
        ("m0", "logits"),
    }
    counts = {kind: (len(m.edges()), len(m.edges(False)), m.depth) for kind, m in models.items()}
    assert counts == {
        "copy": (4, 2, 1),
        "adder": (9, 5, 1),
        "induction": (7, 5, 2),
        "walk": (14, 11, 3),
    }


def test_what_the_answer_does_not_use_has_no_edges():
    program = Program(3, 3).aggregate("idle", "position", "position", "token", before)
    program = program.map("next", ("token",), lambda t: (t + 1) % 3, 3)
    model = Compiled.of(program)
    assert model.edges() == {("embed", "m0"), ("m0", "logits")}
    tokens = np.array([[2, 0, 1]])
    assert answers(model, tokens).argmax(-1).tolist() == [[0, 1, 2]]


def test_noise_is_drawn_on_every_weight():
    program = Programs("adder", SIZE).program
    plain, noisy = (Compiled.of(program, noise=s).init(jax.random.key(1)) for s in (0.0, 0.1))
    for before_, after in zip(jax.tree.leaves(plain), jax.tree.leaves(noisy), strict=True):
        assert (before_ != after).all()
    moved = ravel_pytree(noisy)[0] - ravel_pytree(plain)[0]
    assert np.std(moved) == pytest.approx(0.1, rel=0.05)


def test_wrong_programs_are_refused():
    start = Program(3, 3)
    with pytest.raises(ToylabError, match="no variable 'tokens': did you mean 'token'"):
        start.map("x", ("tokens",), lambda t: t, 3)
    with pytest.raises(ToylabError, match="there is a variable 'token'"):
        start.map("token", ("token",), lambda t: t, 3)
    with pytest.raises(ToylabError, match="map 'x': value = 3 is out of range"):
        start.map("x", ("token",), lambda t: t + 1, 3)
    with pytest.raises(ToylabError, match="no statement"):
        Compiled.of(start)
    with pytest.raises(ToylabError, match="tokens from 0 to 2"):
        start.run(np.array([[0, 3]]))
    with pytest.raises(ToylabError, match="no program 'adde': did you mean 'adder'"):
        Programs("adde")
    with pytest.raises(ToylabError, match="noise = -1"):
        Compiled.of(start.map("x", ("token",), lambda t: t, 3), noise=-1)
