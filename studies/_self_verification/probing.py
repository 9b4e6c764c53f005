"""Linear probes for the verdict, with their controls.

Pairs are divided in three: probes are fitted on the first, the layer is chosen by the second, and
the third, of numbers that the network never saw, is judged.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from studies._self_verification.pairs import is_right
from studies._self_verification.passes import PLACES, Rows
from toylab.probes.linear import Probe, logistic

L2 = 1.0
ITERATIONS = 500


class Parts(NamedTuple):
    """Fit, choose and test: rows of pairs, or what was read off them."""

    fit: Any
    choose: Any
    test: Any


class Fitted(NamedTuple):
    """Probes of one network.

    Attributes:
        rows: accuracies, a dict per kind, place and layer.
        probe: probes (place, layer) of the truth, at the result and at "(".
        layer: best layer at "(", chosen without the test pairs.
    """

    rows: list[dict[str, Any]]
    probe: Probe
    layer: int


def fit_probes(acts: Parts, rows: Parts, seed: int) -> Fitted:
    """Fit probes on every layer, at the result and at "(", on true and on shuffled labels.

    Args:
        acts: residual streams (S, R, 2, D).
        rows: the attempts.
        seed: seed of the shuffle.
    """
    label = Parts(*(is_right(part) for part in rows))
    shuffled = np.random.default_rng(seed).permutation(label.fit)
    y_KR = np.stack([label.fit, shuffled])[:, None, None]
    x_PSRD = _by_place(acts.fit)
    x = np.broadcast_to(x_PSRD[None], (2, *x_PSRD.shape))
    probe = logistic(jnp.asarray(x), jnp.asarray(y_KR), 2, L2, iterations=ITERATIONS)
    truth, control = (jax.tree.map(lambda leaf, k=k: leaf[k], probe) for k in (0, 1))
    found = [r | {"kind": "truth"} for r in score(truth, acts, rows)]
    found += [r | {"kind": "shuffled"} for r in score(control, acts, rows)]
    own = [r for r in found if r["kind"] == "truth" and r["place"] == "("]
    layer = max(own, key=lambda r: (r["choice"], r["layer"]))["layer"]
    return Fitted(found, truth, layer)


def score(probe: Probe, acts: Parts, rows: Parts) -> list[dict[str, Any]]:
    """Accuracy of probes (place, layer) on the pairs that choose and on those that judge."""
    shares = []
    for part in ("choose", "test"):
        predicted_PSR = np.asarray(probe.predict(jnp.asarray(_by_place(getattr(acts, part)))))
        right_R = is_right(getattr(rows, part))
        shares.append((predicted_PSR == right_R[None, None]).mean(-1))
    choice_PS, test_PS = shares
    return [
        {
            "place": PLACES[1 + p],
            "layer": s,
            "choice": float(choice_PS[p, s]),
            "accuracy": float(test_PS[p, s]),
        }
        for p, s in np.ndindex(test_PS.shape)
    ]


def bag_accuracy(rows: Parts, vocab: int) -> dict[str, Any]:
    """A least-squares probe of how often each token stands in the trace, up to "("."""
    counts = Parts(*(bag(part, vocab) for part in rows))
    label = Parts(*(is_right(part) for part in rows))
    mean_V = counts.fit.mean(0)
    x_RV, penalty = counts.fit - mean_V, L2 * np.eye(vocab, dtype=np.float32)
    weight_V = np.linalg.solve(x_RV.T @ x_RV + penalty, x_RV.T @ (label.fit - 0.5))
    share = lambda x_RV, y_R: float((((x_RV - mean_V) @ weight_V > 0) == y_R).mean())
    choice, test = share(counts.choose, label.choose), share(counts.test, label.test)
    return {"place": "(", "layer": 0, "kind": "bag", "choice": choice, "accuracy": test}


def bag(rows: Rows, vocab: int) -> np.ndarray:
    """Counts of tokens up to "(", (R, V)."""
    seen_RL = np.arange(rows.tokens_RL.shape[1])[None] <= rows.place_R3[:, 2:]
    counts_RV = np.zeros((len(rows.tokens_RL), vocab), np.float32)
    np.add.at(counts_RV, (np.nonzero(seen_RL)[0], rows.tokens_RL[seen_RL]), 1)
    return counts_RV


def directions(probe: Probe) -> np.ndarray:
    """Direction of "right" at "(" in every layer, (S, D): the two classes' weights subtracted."""
    weight_SDC = np.asarray(probe.weight)[1]
    return weight_SDC[..., 1] - weight_SDC[..., 0]


def belief(probe: Probe, layer: int, acts_RLD: Any) -> np.ndarray:
    """The belief at "(" 's probe of one layer that the attempt is right, at any tokens, (R, L)."""
    weight_DC, bias_C = np.asarray(probe.weight)[1, layer], np.asarray(probe.bias)[1, layer]
    score_RLC = np.asarray(acts_RLD) @ weight_DC + bias_C
    return 1 / (1 + np.exp(score_RLC[..., 0] - score_RLC[..., 1]))


def _by_place(acts_SR2D: np.ndarray) -> np.ndarray:
    return np.moveaxis(np.asarray(acts_SR2D), 2, 0)
