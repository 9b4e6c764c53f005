"""Circuits of representations, on constructed logits and networks."""

import jax
import numpy as np
import pytest

from toylab.models.toys.folded_mlp import FoldedTokenMLP
from toylab.tasks.grokking.groups import group
from toylab.tasks.grokking.theory import group_circuits as circuits
from toylab.tasks.grokking.theory.irreps import characters, irreps


def pure(name: str, size: dict[str, float]) -> np.ndarray:
    """Logits ``sum size * chi(a b c^-1)``, one product at a time."""
    whole, chi = group(name), characters(name)
    found = np.zeros((whole.order,) * 3)
    for a, b, c in np.ndindex(*found.shape):
        g = whole.table_NN[whole.table_NN[a, b], whole.inverse_N[c]]
        found[a, b, c] = sum(weight * chi[irrep][g] for irrep, weight in size.items())
    return found


def random_network(name: str, seed: int, hidden: int = 16) -> circuits.Network:
    rng, n = np.random.default_rng(seed), group(name).order
    left_NF, right_NF = rng.normal(size=(2, n, hidden))
    return circuits.Network(left_NF, right_NF, rng.normal(size=(hidden, n)))


def test_characters_in_logits_are_found_with_their_weights() -> None:
    size = {"standard": 3.0, "sign": -0.5, "2d": 1.0}
    noise = np.random.default_rng(0).normal(size=(24, 24, 24))
    noise -= circuits.component(noise, "S4", characters("S4"))
    found = circuits.coefficients(pure("S4", size) + noise, "S4")
    assert found == pytest.approx({k: size.get(k, 0.0) for k in characters("S4")}, abs=1e-12)
    cosines = circuits.cosines(pure("S4", size), "S4")
    norm = sum(v**2 for v in size.values()) ** 0.5
    assert cosines == pytest.approx({k: size.get(k, 0) / norm for k in cosines}, abs=1e-12)
    assert circuits.key_irreps(cosines, 0.05) == ["2d", "standard"]
    rest = circuits.component(pure("S4", size), "S4", ["sign", "2d"])
    assert rest == pytest.approx(pure("S4", size) - pure("S4", {"standard": 3.0}), abs=1e-12)


def test_excluded_and_restricted_loss_of_pure_logits() -> None:
    logits, train = pure("S4", {"standard": 8.0}), np.random.default_rng(1).random((24, 24)) < 0.5
    assert circuits.loss(logits, "S4") < 1e-6
    excluded = circuits.excluded(logits, "S4", ["standard"], train)
    assert excluded == pytest.approx(np.log(24))
    assert circuits.excluded(logits, "S4", ["sign"], train) < 1e-6
    relabelled = np.random.default_rng(2).permutation(24)
    assert circuits.excluded(logits, "S4", ["standard"], train, relabelled) < 0.01
    assert circuits.restricted(logits + 5 * pure("S4", {"sign": 1}), "S4", ["standard"]) < 1e-6
    assert circuits.restricted(logits, "S4", ["sign"]) == pytest.approx(np.log(24))


def test_memorised_answers_are_no_circuit() -> None:
    rng, table = np.random.default_rng(4), group("S4").table_NN
    train = rng.random((24, 24)) < 0.5
    answers = np.where(train, table, (table + rng.integers(1, 24, (24, 24))) % 24)
    logits = circuits.centred(200 * np.eye(24)[answers])
    key = ["standard", "2d"]
    assert circuits.restricted(logits, "S4", key) < 0.1 * np.log(24)
    assert circuits.restricted(logits, "S4", key, ~train) > np.log(24)
    pure_logits = pure("S4", {"standard": 8.0})
    held_out = circuits.restricted(pure_logits, "S4", key, ~train)
    assert held_out == pytest.approx(circuits.loss(pure_logits, "S4"))


def test_loss_is_cross_entropy_on_the_marked_pairs() -> None:
    logits, table = np.random.default_rng(3).normal(size=(12, 12, 12)), group("A4").table_NN
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    nats = [[-np.log(shares[a, b, table[a, b]]) for b in range(12)] for a in range(12)]
    marked = np.arange(144).reshape(12, 12) % 3 == 0
    assert circuits.loss(logits, "A4") == pytest.approx(np.mean(nats))
    assert circuits.loss(logits, "A4", marked) == pytest.approx(np.array(nats)[marked].mean())
    sure = pure("A4", {"trivial": 1.0}) + 80 * np.eye(12)[table]
    assert circuits.loss(sure, "A4") == pytest.approx(11 * np.exp(-80), rel=1e-6)


def test_shares_of_weights_in_known_representations() -> None:
    # Each of the 9 elements has squared norm 24 / 3, here times 8; each sign column has 24.
    elements = irreps("S4")["standard"].reshape(24, -1) * 8**0.5
    sign = np.repeat(irreps("S4")["sign"].reshape(24, 1), 3, 1)
    out = np.ones((12, 24))
    net = circuits.Network(np.hstack([elements, sign]), np.hstack([elements, 0 * sign]), out)
    left = circuits.shares(net.left_NF, "S4")
    assert left["standard"] == pytest.approx(8 / 9) and left["sign"] == pytest.approx(1 / 9)
    P = circuits.projector("S4", ["standard"])
    assert circuits.embedding_share(net, P) == pytest.approx(16 / 17)
    share, names = circuits.neuron_shares(net, "S4")
    assert share == pytest.approx(np.ones(12)) and names == ["standard"] * 9 + ["sign"] * 3
    mixed = net._replace(left_NF=net.left_NF + 0.5**0.5 * np.repeat(sign[:, :1], 12, 1))
    assert circuits.neuron_shares(mixed, "S4")[0].min() < 1
    quiet = net._replace(out_FN=out * np.array([1e-3] * 3 + [1] * 9)[:, None])
    assert len(circuits.neuron_shares(quiet, "S4")[0]) == 9


def test_projections_of_embeddings() -> None:
    net, n = random_network("S4", 0), 24
    assert circuits.projected(net, np.eye(n), "S4") == circuits.loss(circuits.logits(net), "S4")
    assert circuits.projected(net, np.zeros((n, n)), "S4") == pytest.approx(np.log(n))
    noise = circuits.random_projector("S4", 9, 0)
    assert noise @ noise == pytest.approx(noise, abs=1e-12) and np.trace(noise) == pytest.approx(9)


@pytest.mark.parametrize("embed", [5, None])
def test_folded_weights_give_the_models_logits(embed: int | None) -> None:
    model = FoldedTokenMLP(vocab=12, hidden=(6,), embed=embed)
    params = model.init(jax.random.key(0))
    pairs = np.indices((12, 12)).reshape(2, -1).T.astype(np.int32)
    theirs = np.asarray(model.apply(params, pairs), np.float64)
    batch = jax.tree.map(lambda leaf: leaf[None], params)
    ours = circuits.logits(circuits.network(batch, 0)).reshape(144, 12)
    assert ours == pytest.approx(theirs - theirs.mean(1, keepdims=True), abs=1e-5)
