"""Changes against the same change made in the weights, by hand in NumPy, or by a loop of runs."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.change import (
    NOTHING,
    at,
    edge,
    head,
    knock_out,
    mean,
    neuron,
    patch,
    project_out,
    resample,
    run_changes,
    scale,
    steer,
    stream,
    where,
    zero,
)
from toylab.errors import ToylabError
from toylab.models import MLP, Transformer
from toylab.taps import Edit, Model, identity, run

B, L, D, F, P = 6, 3, 4, 5, 2


@dataclasses.dataclass(frozen=True)
class TwoLayer:
    """``out = relu(x W + b) V`` at each of L positions; its second layer reads off hidden."""

    sites: tuple[str, ...] = ("pre", "hidden")

    def init(self, key):
        w, b, v = jax.random.split(key, 3)
        return {
            "W": jax.random.normal(w, (D, F), jnp.float32),
            "b": jax.random.normal(b, (F,), jnp.float32),
            "V": jax.random.normal(v, (F, 2), jnp.float32),
        }

    def apply(self, params, inputs, tap=identity):
        pre = tap("pre", inputs @ params["W"] + params["b"][None, None])
        return tap("hidden", jax.nn.relu(pre)) @ params["V"]


MODEL = TwoLayer()
PARAMS = jax.tree.map(np.asarray, MODEL.init(jax.random.key(0)))
INPUTS, OTHER = np.random.default_rng(0).normal(size=(2, B, L, D)).astype(np.float32)
CLEAN, ACTS = jax.tree.map(np.asarray, run(MODEL, PARAMS, INPUTS, record=("*",)))
OTHER_OUT, OTHER_ACTS = jax.tree.map(np.asarray, run(MODEL, PARAMS, OTHER, record=("*",)))
UNIT = np.arange(F) == 2
DIRECTION = np.array([1, -2, 0.5, 0, 3], np.float32)
ONE = where("hidden", UNIT)


def changed(*changes):
    """Outputs of one member under each change, (C, B, L, 2)."""
    return np.asarray(run_changes(MODEL, PARAMS, INPUTS, changes))


def weights(**new):
    return np.asarray(MODEL.apply(PARAMS | new, INPUTS))


def close(a, b):
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_tiny_model_is_a_model():
    assert isinstance(MODEL, Model)


def test_one_grid_of_every_kind():
    unit = DIRECTION / np.linalg.norm(DIRECTION)
    keep = np.eye(F, dtype=np.float32) - np.outer(unit, unit)
    x = INPUTS.copy()
    x[:, 1] = OTHER[:4].mean(0)[1]
    cases = [
        (NOTHING, CLEAN),
        (zero(ONE), weights(V=PARAMS["V"] * ~UNIT[:, None])),
        (mean("pre", OTHER_ACTS), MODEL.apply(PARAMS, np.broadcast_to(OTHER.mean(0), x.shape))),
        (mean(at("pre", 1), OTHER_ACTS["pre"][:4]), MODEL.apply(PARAMS, x)),
        (steer("pre", DIRECTION, -1.5), weights(b=PARAMS["b"] - 1.5 * unit)),
        (steer("pre", 10 * DIRECTION, -1.5), weights(b=PARAMS["b"] - 1.5 * unit)),
        (project_out("hidden", DIRECTION), weights(V=keep @ PARAMS["V"])),
        (scale("hidden", 0.5), CLEAN / 2),
        (patch("hidden", OTHER_ACTS), OTHER_OUT),
    ]
    found = changed(*(change for change, _ in cases))
    for out, (_, wanted) in zip(found, cases, strict=True):
        close(out, wanted)


def test_a_target_is_changed_and_nothing_else():
    one, ends, clean = changed(
        patch(at("pre", 1), OTHER_ACTS), patch(at("pre", (0, -1)), OTHER_ACTS), NOTHING
    )
    close(one[:, 1], OTHER_OUT[:, 1])
    np.testing.assert_array_equal(one[:, [0, 2]], clean[:, [0, 2]])
    np.testing.assert_array_equal(ends[:, 1], clean[:, 1])
    close(ends[:, [0, 2]], OTHER_OUT[:, [0, 2]])


def test_resampling_permutes_whole_examples():
    out = changed(resample("hidden", ACTS, jax.random.key(1)))[0]
    source = [int(np.argmin(np.abs(CLEAN - row).sum((1, 2)))) for row in out]
    assert sorted(source) == list(range(B)) and source != list(range(B))
    close(out, CLEAN[source])


def test_changes_add_up_in_order():
    first = changed(zero("hidden") + steer("hidden", DIRECTION, 1.0))[0]
    expected = DIRECTION / np.linalg.norm(DIRECTION) @ PARAMS["V"]
    close(first, np.broadcast_to(expected, first.shape))
    assert not changed(steer("hidden", DIRECTION, 1.0) + zero("hidden"))[0].any()
    twice = steer("hidden", DIRECTION, 1.0) + steer("hidden", DIRECTION, 1.0)
    close(changed(twice, NOTHING)[0], changed(steer("hidden", DIRECTION, 2.0))[0])


def test_a_grid_equals_a_loop_over_members_and_changes():
    params_P = jax.vmap(MODEL.init)(jax.random.split(jax.random.key(5), P))
    members = [jax.tree.map(lambda a, i=i: a[i], params_P) for i in range(P)]
    directions = np.stack([DIRECTION, DIRECTION[::-1]])
    alphas = np.array([1.0, -2.0], np.float32)
    masks = np.arange(L)[:, None] == np.array([1, 2])[:, None, None, None]  # (P, 1, L, 1)
    acts_P = jnp.stack([run(MODEL, p, OTHER, record=("*",))[1]["hidden"] for p in members])
    value = directions[:, None, None] * alphas[:, None, None, None]
    value = value / np.linalg.norm(directions, axis=-1)[:, None, None, None]
    moved = steer("pre", directions[:, None, None], alphas[:, None, None])
    held = mean(where("hidden", masks), acts_P, batch_axis=1)
    found = run_changes(MODEL, params_P, INPUTS, [moved + held, zero(ONE), NOTHING])
    assert found.shape == (3, P, B, L, 2)
    for i, params in enumerate(members):
        own = [
            Edit("pre", "add", value[i]),
            Edit("hidden", "set", acts_P[i].mean(0, keepdims=True), masks[i]),
        ]
        close(found[0, i], run(MODEL, params, INPUTS, edits=own)[0])
        close(found[1, i], run(MODEL, params, INPUTS, edits=[Edit("hidden", "set", 0.0, UNIT)])[0])
        close(found[2, i], run(MODEL, params, INPUTS)[0])
    both = np.stack([INPUTS, OTHER])
    found = run_changes(MODEL, params_P, both, [NOTHING], inputs_per_member=True)
    for i, params in enumerate(members):
        close(found[0, i], MODEL.apply(params, both[i]))


def test_where_of_where_is_where_both_are():
    first, second = np.arange(F) != 1, np.arange(F) != 2
    both = changed(zero(where(where("hidden", first), second)))
    close(both, changed(zero(where("hidden", first & second))))
    assert np.abs(both - changed(zero(where("hidden", second)))).max() > 1e-3


def test_a_population_over_snapshots_is_its_members():
    keys = jax.random.split(jax.random.key(5), (3, P))
    params_SP = jax.vmap(jax.vmap(MODEL.init))(keys)
    _, acts = run(MODEL, params_SP, OTHER, ("hidden",))
    masks = np.arange(L)[:, None] == np.arange(3 * P).reshape(3, P, 1, 1, 1) % L
    held = mean(where("hidden", masks), acts, batch_axis=2)
    changes = [NOTHING, zero(ONE), held, patch(at("hidden", 1), acts)]
    found = run_changes(MODEL, params_SP, INPUTS, changes)
    assert found.shape == (4, 3, P, B, L, 2)
    for s, i in ((0, 1), (2, 0)):
        own = jax.tree.map(lambda leaf, place=(s, i): leaf[place], (params_SP, acts["hidden"]))
        moved = [mean(where("hidden", masks[s, i]), own[1]), patch(at("hidden", 1), own[1])]
        close(found[:, s, i], run_changes(MODEL, own[0], INPUTS, [*changes[:2], *moved]))
    inputs = np.random.default_rng(1).normal(size=(3, P, B, L, D)).astype(np.float32)
    dealt = run_changes(MODEL, params_SP, inputs, [zero(ONE)], inputs_per_member=True)
    own = jax.tree.map(lambda leaf: leaf[2, 1], params_SP)
    close(dealt[0, 2, 1], run_changes(MODEL, own, inputs[2, 1], [zero(ONE)])[0])


def summed(outputs, acts):
    return outputs.sum(), acts["hidden"][0]


def test_what_is_read_may_be_any_arrays():
    total, hidden = run_changes(
        MODEL, PARAMS, INPUTS, [NOTHING, zero("hidden")], summed, ("hidden",)
    )
    close(total, [CLEAN.sum(), 0])
    close(hidden[0], ACTS["hidden"][0])
    assert not hidden[1].any()


TRANSFORMER = Transformer(vocab=7, length=5, width=8, depth=2, heads=2, hidden=12)
NETWORK = TRANSFORMER.init(jax.random.key(1))
TOKENS = np.random.default_rng(1).integers(0, 7, (4, 5)).astype(np.int32)


def test_heads_and_neurons_are_rows_of_weights():
    found = run_changes(TRANSFORMER, NETWORK, TOKENS, [zero(head(1, 0)), zero(neuron(0, (3, 5)))])
    cut = jax.tree.map(np.array, NETWORK)
    cut["blocks"]["1"]["attn"]["w_o"][0] = 0
    close(found[0], TRANSFORMER.apply(cut, TOKENS))
    cut = jax.tree.map(np.array, NETWORK)
    cut["blocks"]["0"]["mlp"]["down"]["kernel"][[3, 5]] = 0
    close(found[1], TRANSFORMER.apply(cut, TOKENS))


def pattern(outputs, acts):
    return acts["blocks/1/attn/pattern"]


def test_a_closed_edge_gives_its_share_to_the_others():
    cut = knock_out(1, heads=1, queries=(3, 4), keys=0)
    clean, cut = run_changes(TRANSFORMER, NETWORK, TOKENS, [NOTHING, cut], pattern, ("*/pattern",))
    wanted = np.array(clean)
    wanted[:, 1, 3:, 0] = 0
    wanted[:, 1, 3:] /= wanted[:, 1, 3:].sum(-1, keepdims=True)
    close(cut, wanted)
    assert edge(1).site == "blocks/1/attn/scores"


def test_streams_are_the_sites_between_blocks():
    assert stream(TRANSFORMER) == (
        "blocks/0/resid_pre",
        "blocks/0/resid_post",
        "blocks/1/resid_post",
    )


def test_one_compilation_serves_grids_of_one_form():
    counted = []

    def read(outputs, acts):
        counted.append(1)
        return outputs

    traced = []
    for alpha in (1.0, 2.0, 3.0):
        grid = [NOTHING, steer(at("pre", 0), DIRECTION, alpha), zero(at("hidden", 1))]
        run_changes(MODEL, PARAMS, INPUTS, grid, read)
        traced.append(len(counted))
    assert traced == [1, 1, 1]


PARAMS_P = jax.vmap(MODEL.init)(jax.random.split(jax.random.key(5), P))
REFUSED = {
    "index list as mask": (lambda: changed(zero(where("hidden", np.array([0, 2])))), "boolean"),
    "zero direction": (lambda: project_out("hidden", np.zeros(F)), "length 0"),
    "one zero direction": (lambda: steer("pre", np.eye(F)[:2] * [[1], [0]], 1.0), "length 0"),
    "number as direction": (lambda: steer("pre", 1.0, 1.0), "one number"),
    "site not recorded": (lambda: patch("hiden", ACTS), "did you mean 'hidden'"),
    "no batch": (lambda: mean("hidden", jnp.zeros((0, F))), "no samples"),
    "unknown site": (lambda: changed(zero("hiden")), "Unknown site 'hiden'.*'hidden'"),
    "wide value": (lambda: changed(steer("pre", np.ones(F + 1))), "value of shape .6,."),
    "wide mask": (lambda: changed(zero(where("pre", np.ones(9, bool)))), "target of shape"),
    "small patch": (lambda: changed(patch("pre", np.ones((B, 1, F)))), "cannot replace"),
    "position": (lambda: changed(zero(at("pre", L))), f"index {L} of axis 1, which has {L}"),
    "other members": (
        lambda: run_changes(MODEL, PARAMS_P, INPUTS, [patch("pre", np.ones((3, B, L, F)))]),
        r"for networks .3,., but the parameters' leading axes are .2,.",
    ),
    "order": (
        lambda: changed(
            zero("pre") + scale("pre", 2.0), scale("pre", 2.0) + zero("pre") + scale("pre", 1.0)
        ),
        "reverse",
    ),
    "no change": (lambda: changed(), "no changes"),
    "values per member of one": (
        lambda: changed(patch("pre", np.ones((1, B, L, F)))),
        "leading axes are ..; give one for all",
    ),
    "inputs of other members": (
        lambda: run_changes(MODEL, PARAMS_P, INPUTS[:1], [NOTHING], inputs_per_member=True),
        "begin with the parameters' leading axes",
    ),
    "tokens that are none": (
        lambda: run_changes(TRANSFORMER, NETWORK, TOKENS + 2, [NOTHING]),
        "tokens hold 8; there are 7",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_mistakes_are_refused_with_the_fix(case):
    call, message = REFUSED[case]
    with pytest.raises(ToylabError, match=message):
        call()


def test_a_grid_that_no_memory_holds_is_refused_before_it_is_run():
    model = MLP((4, 3000, 4))
    drawn = jax.eval_shape(jax.vmap(model.init), jax.random.split(jax.random.key(0), 4))
    nothing = lambda *shape: np.broadcast_to(np.float32(0), shape)
    params = jax.tree.map(lambda leaf: nothing(*leaf.shape), drawn)
    inputs = nothing(4_000_000, 4)
    keep = lambda outputs, acts: acts
    with pytest.raises(ToylabError, match=r"run_changes: 4 networks take 1[78],\d\d\d GiB"):
        run_changes(model, params, inputs, [NOTHING] * 100, keep, ("layers/0/post",))


def test_positions_of_scores_and_patterns_are_refused():
    for target in ("blocks/0/attn/pattern", edge(0, heads=0)):
        with pytest.raises(ToylabError, match="queries and keys, not positions"):
            at(target, -1)


def test_masks_that_are_made_along_the_way_keep_their_change():
    params = jax.vmap(jax.vmap(MODEL.init))(jax.random.split(jax.random.key(5), (2, 2)))
    rng = np.random.default_rng(0)
    # Positions make a new array of a member's mask, which dies once it is stacked.
    masks = [jnp.asarray(rng.random((2, 2, 1, 1, F)) < 0.5) for _ in range(8)]
    changes = [zero(at(where("hidden", mask), [0, 2])) for mask in masks]
    read = lambda outputs, acts: outputs
    together = run_changes(MODEL, params, INPUTS, changes, read)
    alone = [run_changes(MODEL, params, INPUTS, [change], read)[0] for change in changes]
    np.testing.assert_allclose(together, np.stack(alone), atol=1e-6)
