"""Lists, removals, feedback and verdicts, against sentences that are mended word by word."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracles.word_removal import criticise, mend, read, say
from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.language_feedback import lists, taste
from toylab.tasks.language_feedback.lists import WordRemoval
from toylab.tasks.language_feedback.taste import Comparisons, Taste

WORLD, ASKED = WordRemoval(), Taste(world_seed=3)


def draw(world, seed, size):
    """A batch, compiled as one program."""
    return jax.jit(lambda key: world.batch(key, size))(jax.random.key(seed))


BATCH = draw(WORLD, 0, 8_000)
REMOVAL = np.asarray(BATCH.latents["removal"]) == 1


@pytest.mark.parametrize("world", [lists.examples()[1], *taste.examples()[1:]])
def test_the_rules_hold(world):
    assert all(rule.ok for rule in check(world))


def whole(batch, rows):
    first, rest = (np.asarray(part)[rows] for part in (batch.inputs, batch.targets))
    return np.concatenate([first[:, :1], rest], 1)


def test_requests_are_answered_as_a_reader_would():
    strays = 0
    for tokens in whole(BATCH, REMOVAL)[:500]:
        text = say(WORLD, tokens)
        at, mark = text.index("without"), text.index("is")
        own, names = text[:at], text[at + 1 : mark]
        assert text[mark + 1 :] == [*mend(own, names), "."]
        assert own.count("nice") == 1 and 1 <= len(names) <= 3 and len({*own}) == len(own)
        assert len(names) <= len(own) - 1 and len({*names}) == len(names)
        strays += sum(name not in own for name in names)
        assert text[mark + 1 :].count("nice") == 1  # never removed
    assert strays / (2 * 500) == pytest.approx(0.09, abs=0.03)


def test_written_lists_are_evenly_drawn():
    texts = [say(WORLD, tokens) for tokens in whole(BATCH, ~REMOVAL)[:4_000]]
    counts = np.bincount([len(text) - 3 for text in texts], minlength=7)[3:] / len(texts)
    np.testing.assert_allclose(counts, 0.25, atol=0.03)
    for topic in range(4):
        own = [text for text in texts if text[0] == f"topic{topic}"]
        used = {word for text in own for word in text[1:-1]} - {"nice"}
        assert used == {f"w{(5 * topic + i) % 20}" for i in range(10)}
    place = np.bincount([text.index("nice") - 1 for text in texts if len(text) == 6]) / sum(
        len(text) == 6 for text in texts
    )
    np.testing.assert_allclose(place, 0.25, atol=0.05)
    np.testing.assert_array_equal(np.asarray(BATCH.weights)[~REMOVAL][0][:6], 1)


def test_bayes_is_the_log_of_how_many_lists_there_are():
    small = WordRemoval(8, 2, 1, 3, 2, share=0.0)
    drawn = np.asarray(draw(small, 1, 10_000).latents["list"])
    kinds = {tuple(row) for row in drawn}
    per_topic = sum(math.perm(4, n) * (n + 1) for n in (1, 2, 3))
    assert len(kinds) == 2 * per_topic
    by_number = sum(math.log(3 * math.perm(4, n) * (n + 1)) / 3 for n in (1, 2, 3))
    assert small.bayes_loss() == pytest.approx(by_number)
    assert WORLD.uniform_loss() == pytest.approx(
        float(np.asarray(BATCH.weights).sum(1).mean()) * math.log(WORLD.vocab), rel=0.02
    )


def test_cells_are_those_of_the_paper():
    paper = WordRemoval(words=30, topics=3, most=10)
    found = paper.cells(50)
    assert len(found["request"]) == 1_350
    assert len({*zip(found["words"].tolist(), found["names"].tolist(), strict=True)}) == 27
    for request, answer in zip(found["request"], found["answer"], strict=True):
        text, told = say(paper, request), say(paper, answer)
        at = text.index("without")
        assert told == [*mend(text[:at], text[at + 1 : -1]), "."]


@pytest.mark.parametrize(
    ("words", "names", "text"),
    [
        ([1, 2], [1, 2, 3], "3 names for a list of 2|lacks 3"),
        ([1, 2], [], "no word is named"),
        ([1, 1], [1], "stands twice"),
        ([1, 2], [2, 2], "stands twice"),
        ([1, 2], [5], "lacks 5"),
        ([1, 20], [1], "20 is no word"),
    ],
)
def test_bad_samples_are_refused(words, names, text):
    with pytest.raises(ToylabError, match=text):
        WORLD.sample(words, names, 0)


def answers(rng, size):
    """What networks might write: any tokens, or lists with an end."""
    junk = rng.integers(0, ASKED.vocab, (size, ASKED.length))
    sound = np.asarray(draw(WordRemoval(share=0.0), 2, size).targets)
    return jnp.asarray(np.concatenate([junk, sound[:, : ASKED.length]]), jnp.int32)


def test_feedback_and_verdicts_are_a_readers():
    written_BS = answers(np.random.default_rng(0), 150)
    prompts = draw(ASKED, 4, len(written_BS))
    unwanted = {f"w{i}" for i in np.flatnonzero(np.asarray(ASKED.is_unwanted()))}
    assert len(unwanted) == 6
    keys = jax.random.split(jax.random.key(5), len(written_BS))
    kinds = jax.jit(ASKED.feedback)(written_BS, prompts, keys)
    found = jax.jit(ASKED.counts)(written_BS, prompts)
    mended = jax.jit(ASKED.corrected)(written_BS, kinds[taste.TRUE])
    asked = jax.jit(ASKED.ask)(written_BS, kinds[taste.TRUE])
    silent, heeded = ASKED.says_nothing(kinds[1]), ASKED.incorporates(written_BS, kinds[1])
    pleased = ASKED.pleases(written_BS, prompts)
    host = (written_BS, kinds, found, mended, asked, silent, heeded, pleased)
    written, kinds, found, mended, asked, silent, heeded, pleased = jax.device_get(host)
    for i, tokens in enumerate(written):
        raw = say(ASKED, tokens)
        own = read(raw)[: ASKED.room]
        names = criticise(own, unwanted, 3)
        assert say(ASKED, kinds[taste.TRUE][i]) == names
        bad = sum(word in unwanted for word in own)
        assert int(found["unwanted"][i]) == bad
        assert int(found["wanted"][i]) == sum(w != "nice" for w in own) - bad
        sound = "." in raw and own.count("nice") == 1 and len({*own}) == len(own)
        assert bool(found["sound"][i]) == sound
        assert bool(silent[i]) == (not names) == bool(heeded[i])
        assert say(ASKED, mended[i]) == [*mend(own, names), "."]
        assert say(ASKED, asked[i]) == [*own, "without", *names, "is"]
        assert bool(pleased[i]) == (bad == 0)
    assert np.asarray(ASKED.incorporates(jnp.asarray(mended), jnp.asarray(kinds[1]))).all()
    np.testing.assert_array_equal(kinds[taste.ANOTHERS][1:], kinds[taste.TRUE][:-1])
    named = np.asarray(kinds[taste.GUESSED] < ASKED.words).sum()
    words = sum(len({*read(say(ASKED, t))} - {"nice"}) for t in written[150:])
    assert 0.15 < named / (2 * words) < 0.35  # 0.3 of words, at most three a list
    nothing = jnp.full((1, 3), ASKED.pad, jnp.int32)
    same = ASKED.corrected(written_BS[-1:], nothing)
    np.testing.assert_array_equal(same, written_BS[-1:])  # no feedback changes nothing


def test_a_finite_set_of_prompts_is_drawn_again_and_again():
    few, many = Taste(world_seed=1, examples=5), Taste(world_seed=1, examples=40)
    drawn = {
        task: jax.jit(lambda key, t=task: t.batch(key, 64).latents["key"]) for task in (few, many)
    }
    keys = lambda task, k: np.asarray(drawn[task](jax.random.key(k)))
    seen = {tuple(key) for k in range(2) for key in keys(few, k)}
    assert len(seen) == 5
    more = {tuple(key) for key in keys(many, 0)}
    assert len(more & seen) == 5 - len(seen - more) and len(more) > 20  # the first five are kept
    new = draw(Taste(), 0, 64).latents["key"]
    assert len({tuple(key) for key in np.asarray(new).tolist()}) == 64


def test_comparisons_put_the_better_list_first():
    task = Comparisons(world_seed=2)
    batch = draw(task, 0, 300)
    unwanted = np.flatnonzero(np.asarray(task.is_unwanted()))
    counts = np.isin(np.asarray(batch.inputs), unwanted).sum(2)
    assert (counts[:, 0] <= counts[:, 1]).all()
    np.testing.assert_array_equal(np.asarray(batch.weights)[:, 0] > 0, counts[:, 0] < counts[:, 1])
    assert (np.asarray(batch.inputs)[:, :, -1] == task.end).all()


def test_bad_worlds_are_refused():
    for wrong, text in (
        ({"words": 21}, "even multiple"),
        ({"topics": 3}, "even multiple"),
        ({"most": 11}, "twice the longest"),
        ({"named": 0}, "named = 0"),
        ({"share": 1.5}, "share = 1.5"),
    ):
        with pytest.raises(ToylabError, match=text):
            WordRemoval(**wrong)
    with pytest.raises(ToylabError, match="unwanted = 21"):
        Taste(unwanted=21)
