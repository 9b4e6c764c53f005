"""A slow grammar of words: a parser that goes down the rules, and a speaker that draws by them."""

import numpy as np

ARTICLES = {"a": (0,), "the": (0, 1), "some": (1,)}


def forms(task):
    """For each word its kind and its number, 0 for one and 1 for many."""
    adjectives = dict.fromkeys(task.names[4 : 4 + task.adjectives], ("adjective", None))
    nouns = task.names[4 + task.adjectives : 4 + task.adjectives + 2 * task.nouns]
    found = adjectives | {word: ("noun", int(word.endswith("s"))) for word in nouns}
    for word in task.names[4 + task.adjectives + 2 * task.nouns :]:
        found[word] = ("verb", 0 if word.endswith("s") else 1)
    return found


def parse(task, words):
    """The number of the subject if the words are a sentence, else None."""
    known = forms(task)
    first, rest = _phrase(task, known, words)
    if first is None or not rest or known.get(rest[0]) != ("verb", first):
        return None
    second, rest = _phrase(task, known, rest[1:])
    return None if second is None or rest else first


def _phrase(task, known, words):
    if not words or words[0] not in ARTICLES:
        return None, words
    numbers, rest, seen = ARTICLES[words[0]], words[1:], []
    while rest and known.get(rest[0], ("",))[0] == "adjective":
        seen.append(rest[0])
        rest = rest[1:]
    if len(seen) > task.most or len(set(seen)) < len(seen) or not rest:
        return None, words
    kind, number = known.get(rest[0], ("", None))
    return (number, rest[1:]) if kind == "noun" and number in numbers else (None, words)


def speak(task, rng):
    """The words of a sentence, drawn rule by rule."""
    number = int(rng.integers(2))
    verb = _pick(rng, [w for w, form in forms(task).items() if form == ("verb", number)])
    return [*_say(task, number, rng), verb, *_say(task, int(rng.integers(2)), rng)]


def _say(task, number, rng):
    known = forms(task)
    article = _pick(rng, [word for word, numbers in ARTICLES.items() if number in numbers])
    adjectives = [word for word, form in known.items() if form[0] == "adjective"]
    some = rng.permutation(adjectives)[: int(rng.integers(task.most + 1))]
    noun = _pick(rng, [word for word, form in known.items() if form == ("noun", number)])
    return [article, *(str(word) for word in some), noun]


def _pick(rng, options):
    return options[int(rng.integers(len(options)))]


def chance(task, words):
    """The chance that ``speak`` says the words: the product of its choices."""
    known, p = forms(task), 1 / 2
    p *= 1 / task.verbs / 2
    adjectives = 0
    left = task.adjectives
    for word in words:
        kind = known.get(word, ("article",))[0]
        if kind == "article":
            p, left = p / 2 / (task.most + 1), task.adjectives
        elif kind == "noun":
            p /= task.nouns
        elif kind == "adjective":
            p, left, adjectives = p / left, left - 1, adjectives + 1
    return p


def numbered(task, words, length):
    """The words as tokens, filled up with 0."""
    row = [task.names.index(word) for word in words]
    return np.array(row + [0] * (length - len(row)))
