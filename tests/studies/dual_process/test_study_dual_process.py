"""The study ``dual_process``: scores of planted strategies, readings, settings, figures."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.figures.dual_process import dual_process as pictures
from toylab.report import figures as fig
from toylab.studies.dual_process.dual_process import claims, readings
from toylab.studies.dual_process.dual_process.scoring import RULES, right
from toylab.studies.dual_process.dual_process.study import ARMS, Config, populations
from toylab.tasks.dual_process.parts_of_speech import PartsOfSpeech
from toylab.tasks.dual_process.questions import SETS, draw_questions

TASK = PartsOfSpeech(100, 10)
QUESTIONS = draw_questions(TASK, 400, 0)


@dataclasses.dataclass(frozen=True)
class Planted:
    """A network that has only one strategy; unseen words lose ``penalty`` of their logits."""

    remembers: bool
    penalty: float = 0.0

    def apply(self, params, inputs, tap=None):
        first_noun = inputs[:, 1] == TASK.cop
        noun = jnp.where(first_noun, inputs[:, 0], inputs[:, 2])
        adj = jnp.where(first_noun, inputs[:, 2], inputs[:, 1])
        query = inputs[:, 3]
        if self.remembers:  # the word that is known as a noun is taken for one, whatever its place
            is_noun = query < TASK.n_class
            other = jnp.where(query == noun, adj, noun)
            noun, adj = jnp.where(is_noun, query, other), jnp.where(is_noun, other, query)
        answer = jnp.stack([query, query, query, query, adj, query, query], 1)
        logits = 10 * jax.nn.one_hot(answer, TASK.vocab, dtype=jnp.float32)
        lost = jnp.zeros(TASK.vocab, jnp.float32).at[TASK.held].set(self.penalty)
        pushed = jnp.sum(params["embed"]["embedding"], 1) * 0.0
        return logits - (lost + pushed)[None, None] + params["decoder_bias"][None, None]


def scored(model, kind):
    one = {"embed": {"embedding": jnp.ones((TASK.vocab, 3), jnp.float32)}}
    one["decoder_bias"] = jnp.zeros(TASK.vocab, jnp.float32)
    params = jax.tree.map(lambda leaf: leaf[None], one)
    questions = QUESTIONS[kind]._replace(decile=jnp.asarray(QUESTIONS[kind].decile))
    found = right(model, params, questions, jnp.asarray(TASK.held), jnp.ones(1, jnp.float32))
    return {rule: float(x.mean()) for rule, x in found.items()}


@pytest.mark.parametrize("kind", SETS)
def test_the_context_alone_is_right_in_every_test(kind: str):
    assert set(scored(Planted(False), kind).values()) == {1.0}


def test_memory_alone_fails_where_roles_are_exchanged():
    assert scored(Planted(True), "switched")["full"] == 0
    assert scored(Planted(True), "usual")["full"] > 0.8  # ambiguous words deceive it
    assert 0.3 < scored(Planted(True), "unseen")["choice"] < 0.7


def test_a_circuit_that_is_outvoted_shows_in_the_choice():
    found = scored(Planted(False, penalty=20.0), "unseen")
    assert (found["full"], found["choice"]) == (0.0, 1.0)


def test_exchanged_words_are_clear_and_of_one_tenth():
    questions, n = QUESTIONS["switched"], TASK.n_class
    noun, adj = np.asarray(questions.pair).T
    assert (noun >= n).all() and (noun < 2 * n).all() and (adj < n).all()
    np.testing.assert_array_equal((noun - n) * 10 // n, questions.decile)
    np.testing.assert_array_equal(adj * 10 // n, questions.decile)
    ambiguous = np.asarray(TASK.is_ambiguous())
    assert not ambiguous[1][noun - n].any() and not ambiguous[0][adj].any()
    unseen = np.asarray(QUESTIONS["unseen"].pair)
    assert np.isin(unseen, TASK.held).all() and (unseen[:, 0] != unseen[:, 1]).all()


def tables():
    """Made-up answers: the context is followed by rank under no forgetting, always under active."""
    rows = []
    for seed in range(2):
        for arm in ARMS:
            for kind in SETS:
                for step in (0, 10):
                    for d in range(10) if kind == "switched" else (-1,):
                        value = 0.9 if arm == "active" else max(d, 0) / 10
                        value = 1.0 if kind == "usual" else value
                        about = {"arm": arm, "init_seed": seed, "diverged": seed == 1}
                        about |= {"kind": kind, "step": step, "decile": d}
                        rows.append(about | {r: value if seed == 0 else np.nan for r in RULES})
    return {"answers": pl.DataFrame(rows)}


def test_claims_read_one_value_and_know_the_diverged_seed():
    found = tables()
    for claim in claims.CLAIMS:
        values = claim.reading(found)
        assert (len(values.values), values.count("diverged")) == (1, 1), claim.key
    assert readings.rarer_is_better("vanilla")(found).values == pytest.approx([1.0])
    assert readings.rarer_is_better("active")(found).values == pytest.approx([0.0])
    assert readings.switched("vanilla", readings.TAIL)(found).values == pytest.approx([0.9])
    with fig.style():
        assert set(pictures.draw(found, Config())) == set(pictures.CAPTIONS)


def test_arms_differ_in_what_they_say():
    members = populations(Config(seeds=2))["main"].members
    assert len(members) == 2 * len(ARMS)
    arm = lambda name, column: float(members[column][2 * list(ARMS).index(name)])
    assert [arm(n, "every") for n in ("vanilla", "active", "temporary")] == [0, 200, 10]
    assert [arm(n, "until") for n in ("active", "temporary")] == [2_999, 500]
    assert [arm(n, "scale") for n in ("temporary", "temporary matched")] == pytest.approx([1, 0.1])
    assert [arm(n, "skew") for n in ("even", "vanilla", "steep")] == pytest.approx([0, 1.2, 1.5])


def test_bad_settings_are_refused():
    with pytest.raises(ToylabError, match="give 2999"):
        Config(steps=3_000)
    with pytest.raises(ToylabError, match="until >= often"):
        Config(until=5)
    with pytest.raises(ToylabError, match="is odd"):
        Config(n_words=201)
    with pytest.raises(ToylabError, match="cycle = 0"):
        Config(cycle=0)
