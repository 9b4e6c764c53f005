"""Interventions against the same change made in the weights, or computed by hand in NumPy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.interventions import (
    effect,
    mean_ablate,
    patch,
    project_out,
    resample_ablate,
    steer,
    vmap_run,
    zero_ablate,
)
from toylab.taps import Model, identity, run

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
PARAMS = MODEL.init(jax.random.key(0))
INPUTS, OTHER = np.random.default_rng(0).normal(size=(2, B, L, D)).astype(np.float32)
PARAMS = jax.tree.map(np.asarray, PARAMS)
CLEAN, ACTS = jax.tree.map(np.asarray, run(MODEL, PARAMS, INPUTS, record=("*",)))
OTHER_OUT, OTHER_ACTS = jax.tree.map(np.asarray, run(MODEL, PARAMS, OTHER, record=("*",)))
AT_ONE = np.arange(L)[:, None] == 1
UNIT = np.arange(F) == 2
DIRECTION = np.array([1, -2, 0.5, 0, 3], np.float32)


def edited(*edits):
    return np.asarray(run(MODEL, PARAMS, INPUTS, edits=edits)[0])


def changed(**weights):
    return np.asarray(MODEL.apply(PARAMS | weights, INPUTS))


def close(a, b):
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_tiny_model_is_a_model():
    assert isinstance(MODEL, Model)


def test_zero_ablation_of_a_unit_equals_zeroing_its_weights():
    close(edited(zero_ablate("hidden", UNIT)), changed(V=PARAMS["V"] * ~UNIT[:, None]))
    assert not edited(zero_ablate("hidden")).any()


def test_mean_ablation_of_the_inputs_layer_equals_the_mean_input():
    mean = np.broadcast_to(OTHER.mean(0), INPUTS.shape)
    close(edited(mean_ablate("pre", OTHER_ACTS)), MODEL.apply(PARAMS, mean))
    one = mean_ablate("pre", OTHER_ACTS["pre"][:4], AT_ONE)  # another batch size
    x = INPUTS.copy()
    x[:, 1] = OTHER[:4].mean(0)[1]
    close(edited(one), MODEL.apply(PARAMS, x))


def test_steering_equals_a_shifted_bias_and_counts_alpha_in_units_of_length():
    unit = DIRECTION / np.linalg.norm(DIRECTION)
    close(edited(steer("pre", DIRECTION, -1.5)), changed(b=PARAMS["b"] - 1.5 * unit))
    close(edited(steer("pre", 10 * DIRECTION, 2.0)), edited(steer("pre", DIRECTION, 2.0)))


def test_projection_equals_projected_weights():
    unit = DIRECTION / np.linalg.norm(DIRECTION)
    keep = np.eye(F, dtype=np.float32) - np.outer(unit, unit)
    close(edited(project_out("hidden", DIRECTION)), changed(V=keep @ PARAMS["V"]))
    masked = edited(project_out("hidden", DIRECTION, AT_ONE))
    close(masked[:, 1], changed(V=keep @ PARAMS["V"])[:, 1])
    np.testing.assert_array_equal(masked[:, [0, 2]], CLEAN[:, [0, 2]])


def test_patching_everything_gives_the_other_run_and_one_position_only_that():
    np.testing.assert_array_equal(edited(patch("hidden", OTHER_ACTS)), OTHER_OUT)
    np.testing.assert_array_equal(edited(patch("hidden", ACTS["hidden"])), CLEAN)
    mixed = edited(patch("pre", OTHER_ACTS, AT_ONE))
    close(mixed[:, 1], OTHER_OUT[:, 1])
    np.testing.assert_array_equal(mixed[:, [0, 2]], CLEAN[:, [0, 2]])


def test_resampling_permutes_whole_examples():
    out = edited(resample_ablate("hidden", ACTS, jax.random.key(1)))
    source = [int(np.argmin(np.abs(CLEAN - row).sum((1, 2)))) for row in out]
    assert sorted(source) == list(range(B)) and source != list(range(B))
    close(out, CLEAN[source])


def test_edits_apply_in_the_order_given():
    twice = edited(zero_ablate("hidden"), steer("hidden", DIRECTION, 1.0))
    expected = DIRECTION / np.linalg.norm(DIRECTION) @ PARAMS["V"]
    close(twice, np.broadcast_to(expected, twice.shape))
    assert not edited(steer("hidden", DIRECTION, 1.0), zero_ablate("hidden")).any()


def test_effect_is_the_difference_of_the_metric():
    found = effect(MODEL, PARAMS, INPUTS, [zero_ablate("hidden")], jnp.mean)
    close(found, -np.mean(CLEAN))
    assert effect(MODEL, PARAMS, INPUTS, [], jnp.sum) == 0
    per_example = lambda out: out[:, -1, 0]
    found = effect(MODEL, PARAMS, INPUTS, [patch("pre", OTHER_ACTS)], per_example)
    close(found, OTHER_OUT[:, -1, 0] - CLEAN[:, -1, 0])


PARAMS_P = jax.vmap(MODEL.init)(jax.random.split(jax.random.key(5), P))
MEMBERS = [jax.tree.map(lambda a, i=i: a[i], PARAMS_P) for i in range(P)]


def test_a_population_runs_as_its_members_do():
    out, acts = vmap_run(MODEL, PARAMS_P, INPUTS, ("pre",), (zero_ablate("hidden", UNIT),))
    assert acts["pre"].shape == (P, B, L, F) and tuple(acts) == ("pre",)
    for i, params in enumerate(MEMBERS):
        close(out[i], run(MODEL, params, INPUTS, edits=(zero_ablate("hidden", UNIT),))[0])


def test_values_and_masks_may_differ_between_members():
    directions = np.stack([DIRECTION, DIRECTION[::-1]])
    alphas = np.array([1.0, -2.0], np.float32)
    _, acts = vmap_run(MODEL, PARAMS_P, OTHER, ("*",))
    where = np.stack([AT_ONE, ~AT_ONE])
    edits = (
        steer("pre", directions, alphas),
        mean_ablate("hidden", acts, where, batch_axis=1),
        zero_ablate("hidden", UNIT),
    )
    out, _ = vmap_run(
        MODEL,
        PARAMS_P,
        INPUTS,
        edits=edits,
        values_per_member=(True, True, False),
        where_per_member=(False, True, False),
    )
    for i, params in enumerate(MEMBERS):
        own = (
            steer("pre", directions[i], alphas[i]),
            mean_ablate("hidden", acts["hidden"][i], where[i]),
            zero_ablate("hidden", UNIT),
        )
        close(out[i], run(MODEL, params, INPUTS, edits=own)[0])


def test_inputs_may_differ_between_members():
    both = np.stack([INPUTS, OTHER])
    out, _ = vmap_run(MODEL, PARAMS_P, both, inputs_per_member=True)
    for i, params in enumerate(MEMBERS):
        close(out[i], MODEL.apply(params, both[i]))


STEER = steer("pre", DIRECTION, 1.0)
REFUSED = {
    "index list as mask": (lambda: zero_ablate("hidden", [0, 2]), "boolean mask"),
    "zero direction": (lambda: project_out("hidden", np.zeros(F)), "length 0"),
    "one zero direction": (lambda: steer("pre", np.eye(F)[:2] * [[1], [0]], 1.0), "length 0"),
    "number as direction": (lambda: steer("pre", 1.0, 1.0), "single number"),
    "site not recorded": (lambda: patch("hiden", ACTS), "did you mean 'hidden'"),
    "no batch": (lambda: mean_ablate("hidden", jnp.zeros((0, F))), "no samples"),
    "one sample": (
        lambda: resample_ablate("hidden", ACTS["hidden"][:1], jax.random.key(0)),
        "at least two",
    ),
    "unknown site": (
        lambda: effect(MODEL, PARAMS, INPUTS, [zero_ablate("hiden")], jnp.mean),
        "Unknown site",
    ),
    "wide value": (
        lambda: effect(MODEL, PARAMS, INPUTS, [steer("pre", np.ones(F + 1), 1.0)], jnp.mean),
        "value of shape",
    ),
    "wide mask": (
        lambda: effect(MODEL, PARAMS, INPUTS, [zero_ablate("pre", np.ones(9, bool))], jnp.mean),
        "where of shape",
    ),
    "value without P": (
        lambda: vmap_run(MODEL, PARAMS_P, INPUTS, edits=(STEER,), values_per_member=True),
        "P = 2",
    ),
    "P not announced": (
        lambda: vmap_run(MODEL, PARAMS_P, INPUTS, edits=(patch("pre", np.ones((P, B, L, F))),)),
        "does not broadcast",
    ),
    "flags": (
        lambda: vmap_run(MODEL, PARAMS_P, INPUTS, edits=(STEER,), values_per_member=(True,) * 2),
        "2 entries for 1",
    ),
    "one member's parameters": (lambda: vmap_run(MODEL, PARAMS, INPUTS), "leading axes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_mistakes_are_refused_with_the_mend(case):
    call, message = REFUSED[case]
    with pytest.raises(ToylabError, match=message):
        call()
