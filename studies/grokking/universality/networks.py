"""Rows of the tables of the study ``universality``: what is measured of one network."""

from typing import Any

import numpy as np

from toylab.stats.means import mean_or_nan
from toylab.tasks.grokking.groups import group
from toylab.tasks.grokking.theory import group_circuits as circuits
from toylab.tasks.grokking.theory.irreps import characters


def irrep_rows(
    last: circuits.Network, name: str, key: list[str], train_NN: np.ndarray
) -> list[dict[str, Any]]:
    """One row per representation: cosine with the logits, shares of weights, loss without it."""
    logits_NNN, n = circuits.logits(last), group(name).order
    similar = circuits.cosines(logits_NNN, name)
    tables = {"left": last.left_NF, "right": last.right_NF, "out": last.out_FN.T}
    parts = {side: circuits.shares(table, name) for side, table in tables.items()}
    return [
        {
            "irrep": irrep,
            "key": irrep in key,
            "cosine": similar[irrep],
            "chance": float(np.trace(circuits.projector(name, [irrep]))) / n,
            **{side: part[irrep] for side, part in parts.items()},
            "excluded": circuits.excluded(logits_NNN, name, [irrep], train_NN),
        }
        for irrep in characters(name)
    ]


def network_row(
    last: circuits.Network,
    first: circuits.Network,
    name: str,
    key: list[str],
    train_NN: np.ndarray,
    seed: int,
) -> dict[str, float | str]:
    """Everything about one final network that is one number, with its controls."""
    logits_NNN, n = circuits.logits(last), group(name).order
    rest = [k for k in characters(name) if k not in key]
    P_NN = circuits.projector(name, key)
    rank = round(float(np.trace(P_NN)))
    noise_NN = circuits.random_projector(name, rank, seed)
    relabelled_N = np.random.default_rng(seed).permutation(n)
    share, untrained_share = circuits.neuron_shares(last, name), circuits.neuron_shares(first, name)
    similar = circuits.cosines(logits_NNN, name)
    eye = np.eye(n)
    return {
        "keys": " ".join(key),
        "uniform": float(np.log(n)),
        "loss": circuits.loss(logits_NNN, name),
        "test_accuracy": accuracy(logits_NNN, name, ~train_NN),
        "fve": float(sum(similar[k] ** 2 for k in key)),
        "excluded": circuits.excluded(logits_NNN, name, key, train_NN),
        "excluded_rest": circuits.excluded(logits_NNN, name, rest, train_NN),
        "excluded_relabelled": circuits.excluded(logits_NNN, name, key, train_NN, relabelled_N),
        "restricted": circuits.restricted(logits_NNN, name, key),
        "chance": rank / n,
        "embedding": circuits.embedding_share(last, P_NN),
        "embedding_untrained": circuits.embedding_share(first, P_NN),
        "only_key": circuits.projected(last, P_NN, name),
        "without_key": circuits.projected(last, eye - P_NN, name),
        "only_random": circuits.projected(last, noise_NN, name),
        "without_random": circuits.projected(last, eye - noise_NN, name),
        "neurons": mean_or_nan(share[0] >= circuits.CLUSTERED),
        "neurons_untrained": mean_or_nan(untrained_share[0] >= circuits.CLUSTERED),
    }


def accuracy(logits_NNN: np.ndarray, name: str, pairs_NN: np.ndarray) -> float:
    """Share of the marked pairs whose greatest logit is the product."""
    return float((logits_NNN.argmax(-1) == group(name).table_NN)[pairs_NN].mean())


def neuron_rows(last: circuits.Network, first: circuits.Network, name: str) -> list[dict[str, Any]]:
    """One row per live neuron, of the trained and of the untrained network."""
    return [
        {"trained": trained, "share": float(share), "irrep": irrep}
        for trained, net in ((True, last), (False, first))
        for share, irrep in zip(*circuits.neuron_shares(net, name), strict=True)
    ]


def progress_row(
    net: circuits.Network, name: str, key: list[str], train_NN: np.ndarray
) -> dict[str, float]:
    """The final network's key circuits, in the same network earlier."""
    logits_NNN = circuits.logits(net)
    similar = circuits.cosines(logits_NNN, name)
    rest = [k for k in characters(name) if k not in key]
    return {
        "train_loss": circuits.loss(logits_NNN, name, train_NN),
        "test_loss": circuits.loss(logits_NNN, name, ~train_NN),
        "test_accuracy": accuracy(logits_NNN, name, ~train_NN),
        "excluded": circuits.excluded(logits_NNN, name, key, train_NN),
        "restricted": circuits.restricted(logits_NNN, name, key),
        "restricted_held_out": circuits.restricted(logits_NNN, name, key, ~train_NN),
        "rest_held_out": circuits.restricted(logits_NNN, name, rest, ~train_NN),
        "fve": float(sum(similar[k] ** 2 for k in key)),
        "embedding": circuits.embedding_share(net, circuits.projector(name, key)),
    }
