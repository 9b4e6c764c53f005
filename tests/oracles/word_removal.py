"""Lists of words as sentences: written, criticised and mended word by word."""

import itertools

import numpy as np


def say(rules, tokens):
    """Tokens as text, pads left out."""
    names = {rules.good: "nice", rules.separator: "without", rules.answer: "is", rules.end: "."}
    text = []
    for token in np.asarray(tokens).tolist():
        if token == rules.pad:
            continue
        if token < rules.words:
            text.append(f"w{token}")
        else:
            text.append(names.get(token, f"topic{token - rules.words - 5}"))
    return text


def mend(text, names):
    """A list without the named words."""
    left = []
    for word in text:
        if word not in names or word == "nice":
            left.append(word)
    return left


def read(text):
    """The list in what was written: up to its full stop, and nothing but words."""
    before = list(itertools.takewhile(lambda word: word != ".", text))
    return [
        word for word in before if word == "nice" or (word.startswith("w") and word != "without")
    ]


def criticise(text, unwanted, most):
    """Names of the first different unwanted words."""
    found = []
    for word in text:
        if word in unwanted and word not in found:
            found.append(word)
    return found[:most]


def best_of(p, score, k):
    """Law of the best of k samples, from every tuple of k samples; ties broken evenly.

    ``score[x]`` is the law of the score of outcome x.
    """
    law = np.zeros(len(p))
    outcomes = [(x, s) for x in range(len(p)) for s in range(len(score[0]))]
    for draw in itertools.product(outcomes, repeat=k):
        chance = np.prod([p[x] * score[x][s] for x, s in draw])
        top = max(s for _, s in draw)
        winners = [x for x, s in draw if s == top]
        for x in winners:
            law[x] += chance / len(winners)
    return law
