"""A table of words: what each layer of a network would answer at each place.

Shape suffixes: N layers, L length, V vocabulary.
"""

import html
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError
from toylab.show.heat import numbers, ramp
from toylab.show.paper import Words
from toylab.show.picture import Picture

NONE = "–"  # where the logits are no numbers


def lens(
    logits: Float[ArrayLike, "N L V"],
    tokens: Sequence[object],
    words: Sequence[object] | None = None,
    title: str = "What each layer would answer",
) -> Picture:
    """Show the likeliest answer of every layer at every place, shaded by its probability.

    Args:
        logits: of a lens, for one text (:func:`toylab.analysis.circuits.logit_lens_by_layer`).
        tokens: the text.
        words: the vocabulary in words, one for each logit; numbers by default.
        title: what it shows.

    Raises:
        ToylabError: logits that are not (layers, length, vocabulary), or words that do not fit.

    Example:
        >>> "dog" in lens(np.eye(2)[None], ["a", "b"], ["dog", "cat"]).body
        True
    """
    array = numbers("show.lens", logits).astype(np.float64)
    if array.ndim != 3 or array.shape[1] != len(tokens) or not array.size:
        raise ToylabError(
            f"show.lens: logits of shape {array.shape} for a text of {len(tokens)}; give (layers, "
            "length, vocabulary) of one text."
        )
    names = range(array.shape[-1]) if words is None else words
    if len(names) != array.shape[-1]:
        raise ToylabError(
            f"show.lens: {len(names)} words for a vocabulary of {array.shape[-1]}; give one each."
        )
    shifted = np.exp(array - array.max(-1, keepdims=True))
    share = shifted / shifted.sum(-1, keepdims=True)
    told = np.array([str(name) for name in names])[share.argmax(-1)]
    told = np.where(np.isfinite(share.max(-1)), told, NONE).tolist()
    sheet = Words(share.max(-1), told, [str(token) for token in tokens])
    return Picture(_body(sheet), title, 90 + 27 * (len(array) + 1), sheet)


def _body(sheet: Words) -> str:
    head = "".join(f"<th>{html.escape(token)}</th>" for token in sheet.tokens)
    lines = []
    for n, row in reversed(list(enumerate(sheet.words))):
        cells = (_cell(*pair) for pair in zip(row, sheet.share_NL[n].tolist(), strict=True))
        lines.append(f"<tr><th>layer {n}</th>{''.join(cells)}</tr>")
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _cell(word: str, probability: float) -> str:
    if not np.isfinite(probability):
        return f'<td title="no number">{NONE}</td>'
    red, green, blue = ramp(False)[round(16 * probability)]
    ink = "#222" if probability > 0.5 else "#fff"
    word = html.escape(word)
    return (
        f'<td style="background:rgb({red},{green},{blue});color:{ink}" '
        f'title="{word}: {probability:.3f}">{word}</td>'
    )
