"""What a network that multiplies group elements computes, by irreducible representation.

The circuit of Chughtai et al. 2023 (arXiv:2302.03025), section 4: embeddings hold rho(a) and
rho(b), the hidden layer multiplies them, and the logit of c grows with ``chi(a b c^-1)``, the trace
of rho(a) rho(b) rho(c^-1), which is greatest where c = a b. All in float64.

Shape suffixes: N elements of the group, F hidden neurons.
"""

import functools
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp

from ..groups import group
from .irreps import characters, projectors

CLUSTERED = 0.85  # share of a neuron's weights in one representation that makes it belong there
LIVE = 0.05  # a neuron of less weight than this share of the largest is off


class Network(NamedTuple):
    """``logits[a, b] = relu(left[a] + right[b]) out``: embeddings folded into the first layer."""

    left_NF: np.ndarray
    right_NF: np.ndarray
    out_FN: np.ndarray


def network(params: Mapping[str, Any], member: int) -> Network:
    """Return one member's folded weights.

    Args:
        params: parameters of a population, every leaf with leading axis P.
        member: which.
    """
    kernel_XF = np.asarray(params["layers"]["0"]["kernel"][member], np.float64)
    out_FN = np.asarray(params["layers"]["1"]["kernel"][member], np.float64)
    left_XF, right_XF = np.split(kernel_XF, 2)
    if "embed" in params:
        left_NE, right_NE = np.asarray(params["embed"][member], np.float64)
        left_XF, right_XF = left_NE @ left_XF, right_NE @ right_XF
    return Network(left_XF, right_XF, out_FN)


def logits(net: Network) -> np.ndarray:
    """Return the logits of every pair, (N, N, N), with mean 0 over the answers."""
    hidden_NNF = np.maximum(net.left_NF[:, None] + net.right_NF[None], 0)
    return centred(hidden_NNF @ net.out_FN)


def centred(logits_NNN: np.ndarray) -> np.ndarray:
    """Return logits with mean 0 over the answers; the softmax does not see the mean."""
    return logits_NNN - logits_NNN.mean(-1, keepdims=True)


def loss(logits_NNN: np.ndarray, name: str, pairs_NN: np.ndarray | None = None) -> float:
    """Return the mean cross-entropy in nats over all pairs, or over those marked True."""
    answer_NN = group(name).table_NN
    picked_NN = np.take_along_axis(logits_NNN, answer_NN[..., None], -1)
    margin_NNN = logits_NNN - picked_NN
    np.put_along_axis(margin_NNN, answer_NN[..., None], -np.inf, -1)
    # log(1 + e^x) of the others' logsumexp keeps losses far below 1e-16 exact.
    with np.errstate(invalid="ignore"):  # of networks that diverged it is NaN
        nats_NN = np.logaddexp(0, logsumexp(margin_NNN, axis=-1))
    return float(nats_NN.mean() if pairs_NN is None else nats_NN[pairs_NN].mean())


@functools.lru_cache(maxsize=8)
def quotient(name: str) -> np.ndarray:
    """Return the number of ``a b c^-1`` for every a, b, c, (N, N, N)."""
    whole = group(name)
    return whole.table_NN[:, whole.inverse_N][whole.table_NN]


def coefficients(
    logits_NNN: np.ndarray, name: str, pairs_NN: np.ndarray | None = None
) -> dict[str, float]:
    """Return the weight of each ``chi(a b c^-1)`` in the logits, by orthogonal projection.

    As c runs over the group so does a b c^-1: the characters are orthogonal on every single pair,
    and so on all pairs or on those marked True.
    """
    n = group(name).order
    weight_NNN = logits_NNN if pairs_NN is None else logits_NNN * pairs_NN[..., None]
    count = n**2 if pairs_NN is None else int(pairs_NN.sum())
    total_N = np.bincount(quotient(name).reshape(-1), weight_NNN.reshape(-1), minlength=n)
    return {k: float(total_N @ c / (count * np.sum(c**2))) for k, c in characters(name).items()}


def cosines(logits_NNN: np.ndarray, name: str) -> dict[str, float]:
    """Return the cosine of the logits with each ``chi(a b c^-1)``.

    The characters are orthogonal, so the squares are shares of the logits' variance, and add up.
    """
    n, norm = group(name).order, np.linalg.norm(logits_NNN)
    chi, weight = characters(name), coefficients(logits_NNN, name)
    scale = n / max(float(norm), 1e-30)
    return {k: w * scale * float(np.linalg.norm(chi[k])) for k, w in weight.items()}


def component(
    logits_NNN: np.ndarray,
    name: str,
    irreps: Collection[str],
    pairs_NN: np.ndarray | None = None,
) -> np.ndarray:
    """Return the part of the logits in the span of some ``chi(a b c^-1)``, (N, N, N).

    With ``pairs_NN`` the weights are those that the logits of the marked pairs give.
    """
    weight, chi = coefficients(logits_NNN, name, pairs_NN), characters(name)
    part_N = sum((weight[k] * chi[k] for k in irreps), np.zeros(group(name).order))
    return part_N[quotient(name)]


def key_irreps(similar: Mapping[str, float], least: float) -> list[str]:
    """Return the representations whose cosine with the logits is above a threshold."""
    return [k for k, cosine in similar.items() if cosine > least]


def excluded(
    logits_NNN: np.ndarray,
    name: str,
    key: Collection[str],
    train_NN: np.ndarray,
    answers_N: np.ndarray | None = None,
) -> float:
    """Loss on the training pairs without the key characters in the logits.

    Args:
        logits_NNN: the logits.
        name: the group.
        key: the key representations.
        train_NN: which pairs were trained on.
        answers_N: a relabelling of the answers: the same number of directions, of no meaning.
    """
    if answers_N is None:
        return loss(logits_NNN - component(logits_NNN, name, key), name, train_NN)
    moved_NNN = component(logits_NNN[..., answers_N], name, key)
    return loss(logits_NNN - moved_NNN[..., np.argsort(answers_N)], name, train_NN)


def restricted(
    logits_NNN: np.ndarray, name: str, key: Collection[str], pairs_NN: np.ndarray | None = None
) -> float:
    """Loss on all pairs of the key characters in the logits alone.

    Memorised answers have a part in the characters too, as they are right on the training pairs.
    Only with weights from the held-out pairs (``pairs_NN``) does the loss tell of a circuit.
    """
    return loss(component(logits_NNN, name, key, pairs_NN), name)


def projector(name: str, irreps: Collection[str]) -> np.ndarray:
    """Return the projector onto the matrix elements of some representations, (N, N)."""
    n = group(name).order
    return sum((projectors(name)[k] for k in irreps), np.zeros((n, n)))


def random_projector(name: str, rank: int, seed: int) -> np.ndarray:
    """Return the projector onto a random subspace of functions on the group, (N, N)."""
    n = group(name).order
    basis_NR = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, rank)))[0]
    return basis_NR @ basis_NR.T


def projected(net: Network, keep_NN: np.ndarray, name: str) -> float:
    """Loss on all pairs with both embeddings projected onto a subspace."""
    changed = net._replace(left_NF=keep_NN @ net.left_NF, right_NF=keep_NN @ net.right_NF)
    return loss(logits(changed), name)


def shares(table_NF: np.ndarray, name: str) -> dict[str, float]:
    """Return the share of a table's squared norm in each representation's matrix elements."""
    total = max(float(np.sum(table_NF**2)), 1e-30)
    return {k: float(np.sum((P @ table_NF) ** 2)) / total for k, P in projectors(name).items()}


def embedding_share(net: Network, P_NN: np.ndarray) -> float:
    """Share of both embeddings' squared norm in a subspace."""
    both_NX = np.concatenate([net.left_NF, net.right_NF], 1)
    return float(np.sum((P_NN @ both_NX) ** 2) / max(np.sum(both_NX**2), 1e-30))


def neuron_shares(net: Network, name: str) -> tuple[np.ndarray, list[str]]:
    """Return, per live neuron, the share of its incoming weights in its best representation.

    Returns:
        Shares (live neurons,), and the name of the best representation of each.
    """
    into_F = np.sum(net.left_NF**2 + net.right_NF**2, 0)
    weight_F = np.sqrt(into_F * np.sum(net.out_FN**2, 1))
    live_F = weight_F > LIVE * weight_F.max()
    names, spans = list(projectors(name)), np.stack(list(projectors(name).values()))
    parts_RF = np.sum((spans @ net.left_NF) ** 2 + (spans @ net.right_NF) ** 2, 1)
    share_RF = parts_RF[:, live_F] / into_F[live_F]
    return share_RF.max(0), [names[i] for i in share_RF.argmax(0)]
