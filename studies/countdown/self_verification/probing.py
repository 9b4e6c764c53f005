"""Linear probes for the verdict, with their controls.

Pairs are divided in three: probes are fitted on the first, the layer is chosen by the second, and
the third, of numbers that the network never saw, is judged.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from toylab.probes.linear import Probe, logistic
from toylab.read.tables import long_table
from toylab.tasks.countdown.countdown_pairs import Rows, is_right

L2 = 1.0
ITERATIONS = 200
TRUE, SHUFFLED = slice(-1), slice(-1, None)  # places of the fit


class Parts(NamedTuple):
    """Fit, choose and test: rows of pairs, or what was read off them."""

    fit: Any
    choose: Any
    test: Any


class Fitted(NamedTuple):
    """Probes of one network.

    Attributes:
        rows: accuracies, a dict per kind, position and layer; ``back`` is how many tokens
            the position is before "(" (0; the result, 1).
        probe: probes (token, layer) of the truth, at the attempt's tokens, the last of them "(".
        layer: best layer at "(", chosen without the test pairs.
    """

    rows: list[dict[str, Any]]
    probe: Probe
    layer: int


def fit_probes(acts: Parts, rows: Parts, seed: int) -> Fitted:
    """Fit probes at every token of the attempt and layer, and at "(" on shuffled labels.

    Args:
        acts: residual streams (S, R, T, D).
        rows: the attempts.
        seed: seed of the shuffle.
    """
    label = Parts(*(is_right(part) for part in rows))
    shuffled = np.random.default_rng(seed).permutation(label.fit)
    x_TSRD = _by_place(acts.fit)
    x = jnp.asarray(np.concatenate([x_TSRD, x_TSRD[-1:]]))
    y = jnp.asarray(np.stack([*[label.fit] * len(x_TSRD), shuffled])[:, None])
    probe = logistic(x, y, 2, L2, iterations=ITERATIONS)
    truth, control = (jax.tree.map(lambda leaf, k=k: leaf[k], probe) for k in (TRUE, SHUFFLED))
    last = Parts(*(part[:, :, -1:] for part in acts))
    found = [r | {"kind": "truth"} for r in score(truth, acts, rows)]
    found += [r | {"kind": "shuffled"} for r in score(control, last, rows)]
    own = [r for r in found if r["kind"] == "truth" and r["back"] == 0]
    layer = max(own, key=lambda r: (r["choice"], r["layer"]))["layer"]
    return Fitted(found, truth, layer)


def score(probe: Probe, acts: Parts, rows: Parts) -> list[dict[str, Any]]:
    """Accuracy of probes (place, layer) on the pairs that choose and on those that judge."""
    shares = []
    for part in ("choose", "test"):
        score_TSRC = _by_place(getattr(acts, part)) @ np.asarray(probe.weight)
        predicted_TSR = (score_TSRC + np.asarray(probe.bias)[:, :, None]).argmax(-1)
        right_R = is_right(getattr(rows, part))
        shares.append((predicted_TSR == right_R[None, None]).mean(-1))
    choice_TS, test_TS = shares
    back = range(len(test_TS) - 1, -1, -1)
    table = long_table({"back": back, "layer": None}, choice=choice_TS, accuracy=test_TS)
    return table.to_dicts()


def bag_accuracy(rows: Parts, vocab: int) -> dict[str, Any]:
    """A least-squares probe of how often each token stands in the trace, up to "("."""
    counts = Parts(*(bag(part, vocab) for part in rows))
    label = Parts(*(is_right(part) for part in rows))
    mean_V = counts.fit.mean(0)
    x_RV, penalty = counts.fit - mean_V, L2 * np.eye(vocab, dtype=np.float32)
    weight_V = np.linalg.solve(x_RV.T @ x_RV + penalty, x_RV.T @ (label.fit - 0.5))
    share = lambda x_RV, y_R: float((((x_RV - mean_V) @ weight_V > 0) == y_R).mean())
    choice, test = share(counts.choose, label.choose), share(counts.test, label.test)
    return {"back": 0, "layer": 0, "kind": "bag", "choice": choice, "accuracy": test}


def bag(rows: Rows, vocab: int) -> np.ndarray:
    """Counts of tokens up to "(", (R, V)."""
    seen_RL = np.arange(rows.tokens_RL.shape[1])[None] <= rows.place_R3[:, 2:]
    counts_RV = np.zeros((len(rows.tokens_RL), vocab), np.float32)
    np.add.at(counts_RV, (np.nonzero(seen_RL)[0], rows.tokens_RL[seen_RL]), 1)
    return counts_RV


def directions(probe: Probe) -> np.ndarray:
    """Direction of "right" at "(" in every layer, (S, D): the two classes' weights subtracted."""
    weight_SDC = np.asarray(probe.weight)[-1]
    return weight_SDC[..., 1] - weight_SDC[..., 0]


def belief(probe: Probe, layer: int, acts_RTD: Any) -> np.ndarray:
    """The belief that an attempt is right, by each token's own probe of a layer, (R, T)."""
    weight_TDC, bias_TC = np.asarray(probe.weight)[:, layer], np.asarray(probe.bias)[:, layer]
    score_RTC = np.einsum("rtd,tdc->rtc", np.asarray(acts_RTD), weight_TDC) + bias_TC
    return 1 / (1 + np.exp(score_RTC[..., 0] - score_RTC[..., 1]))


def _by_place(acts_SRTD: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.asarray(acts_SRTD), 2, 0)
