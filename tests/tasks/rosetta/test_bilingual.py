"""Facts in two languages, against sentences of words; what each setting moves; what is refused."""

import dataclasses

import jax
import numpy as np
import pytest

from tests.oracles.bilingual import askable, sentences, token
from toylab.errors import ToylabError
from toylab.members import zipped
from toylab.models import Transformer
from toylab.optim import AdamW
from toylab.population import Population
from toylab.tasks.rosetta.bilingual import Bilingual, information

SMALL = Bilingual(7, 3, 4, world=5, shared=0.5)
LARGE = Bilingual(500, 10, 8, bias=0.5, shared=0.3)
WORLDS = [
    SMALL,
    dataclasses.replace(SMALL, tag=1, apart=1, parallel=0.0, bias=1.0),
    dataclasses.replace(SMALL, moved=3, shared=1.0),
    Bilingual(3, 2, 2, parallel=0.0, shared=0.0),
]


def told(task):
    return jax.tree.map(np.asarray, jax.jit(task.facts)())


@pytest.mark.parametrize("task", WORLDS)
def test_every_question_is_a_sentence(task):
    facts, shape = told(task), (task.entities, task.attributes)
    columns = [leaf.reshape(shape) for leaf in (facts.value, facts.parallel, facts.home)]
    # A name is one token in both languages where the second spells it as the first would.
    own = facts.inputs[1].reshape(*shape, 3)[:, 0, 1]
    same = {int(t) % task.entities: t < task.entities for t in own}
    found = sentences(task, *columns, same)
    for (language, e, a), (words, right, is_told) in found.items():
        f = e * task.attributes + a
        tokens = [token(word, task.entities, task.attributes) for word in words]
        assert facts.inputs[language, f].tolist() == tokens
        assert facts.targets[language, f] == right
        assert facts.told[language, f] == is_told
        assert facts.asked[language, f] == askable(found, language, e, a)
        assert max(tokens) < task.vocab
        assert right < task.n_out


def test_nothing_that_is_asked_for_is_told():
    facts = told(LARGE)
    assert not (facts.told & facts.asked).any()
    assert (facts.told.sum(0) == 1 + facts.parallel).all()
    assert not facts.asked[:, facts.parallel].any()


def test_shares_are_those_that_were_set():
    facts, task = told(LARGE), LARGE
    single = ~facts.parallel
    half = facts.value // 4 == facts.home
    assert facts.parallel.mean() == pytest.approx(0.3, abs=0.03)
    assert facts.home[single].mean() == pytest.approx(0.5, abs=0.03)
    assert half[single].mean() == pytest.approx(0.75, abs=0.03)
    assert half[facts.parallel].mean() == pytest.approx(0.5, abs=0.04)
    names = facts.inputs[1, :: task.attributes, 1]
    assert (names < task.entities).mean() == pytest.approx(0.3, abs=0.07)
    np.testing.assert_allclose(np.bincount(facts.value) / task.size, 1 / 8, atol=0.02)


def test_half_of_the_value_tells_as_many_bits_of_the_language_as_it_says():
    for bias in (0.4, 1.0):
        facts = told(Bilingual(2_000, 10, 8, bias=bias, parallel=0.0))
        joint = np.histogram2d(facts.value // 4, facts.home, 2)[0] / facts.value.size
        apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
        bits = np.sum(joint * np.log2(np.where(joint > 0, joint / apart, 1)))
        assert information(bias) == pytest.approx(bits, abs=0.01)


def test_a_setting_moves_no_more_than_it_says():
    base = told(SMALL)
    more = told(dataclasses.replace(SMALL, parallel=0.6))
    assert (more.parallel >= base.parallel).all()
    biased = told(dataclasses.replace(SMALL, bias=1.0))
    moved = biased.value != base.value
    assert not moved[base.parallel].any()
    assert (biased.value[~base.parallel] // 2 == base.home[~base.parallel]).all()
    np.testing.assert_array_equal(base.value % 2, biased.value % 2)
    assert (told(dataclasses.replace(SMALL, world=6)).value != base.value).any()


def test_a_batch_as_large_as_the_world_has_each_fact_once_and_parallel_ones_in_both():
    draw = jax.jit(lambda key: SMALL.batch(key, SMALL.size))
    batches = [draw(key) for key in jax.random.split(jax.random.key(0), 60)]
    facts, seen = told(SMALL), np.zeros((2, SMALL.size))
    for batch in batches:
        fact = np.asarray(batch.latents["fact"])
        assert sorted(fact) == list(range(SMALL.size))
        seen[np.asarray(batch.latents["language"]), fact] += 1
    np.testing.assert_array_equal(seen > 0, facts.told)
    assert seen[:, facts.parallel].min() > 15
    few = jax.vmap(lambda key: SMALL.batch(key, 5).latents["fact"])
    drawn = np.asarray(few(jax.random.split(jax.random.key(1), 200))).ravel()
    assert np.bincount(drawn, minlength=SMALL.size).min() > 20


def test_entities_never_met_in_a_language_are_not_asked_for():
    task = Bilingual(40, 2, 2, parallel=0.0, shared=0.0)
    facts = told(task)
    met = facts.told.reshape(2, 40, 2).any(-1)
    assert not met.all()
    assert not facts.asked.reshape(2, 40, 2)[~met].any()


def test_worlds_that_leave_nothing_to_ask_for_are_refused_before_training():
    with pytest.raises(ToylabError, match="none is left"):
        Bilingual(parallel=1.0)
    with pytest.raises(ToylabError, match="less than one"):
        Bilingual(parallel=0.001)
    with pytest.raises(ToylabError, match="values = 7 is odd"):
        Bilingual(values=7)
    with pytest.raises(ToylabError, match=r"bias = 1\.5"):
        Bilingual(bias=1.5)
    with pytest.raises(ToylabError, match="moved = 40"):
        Bilingual(moved=40)
    with pytest.raises(ToylabError, match=r"tag = 0\.5"):
        Bilingual(tag=0.5)
    model = Transformer(SMALL.vocab, 3, 8, 1, 1, n_out=SMALL.n_out, read="last")
    members = zipped(init_seed=[0, 1], parallel=[0.3, 1.0])
    with pytest.raises(ToylabError, match="none is left"):
        Population(
            model=model,
            task=SMALL,
            members=members,
            optimizer=AdamW(1e-3, 0),
            steps=1,
            batch_size=2,
        )
