"""The grokking benchmark as one would write it by hand with Equinox and Optax.

A module of one example, ``vmap`` over the batch and over the models, ``lax.scan`` over the steps,
``jit`` around everything: the shape that purejaxrl has made known. One device, as it comes.

Shapes: L length, D width, H heads, K head dim, F hidden, V logits.
"""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import Array

from toylab.benchmarks.grokking import LENGTH, Case, task


class Net(eqx.Module):
    """One model; queries, MLP and logits at the last position alone."""

    embed: Array
    positions: Array
    w_q: Array
    w_k: Array
    w_v: Array
    w_o: Array
    up: Array
    down: Array
    unembed: Array
    heads: int = eqx.field(static=True)

    def __init__(self, case: Case, key: Array):
        d = case.width
        fan_in = {name: d for name in ("embed", "positions", "w_q", "w_k", "w_v", "w_o", "up")}
        shapes = dict.fromkeys(("w_q", "w_k", "w_v", "w_o"), (d, d))
        shapes |= {"embed": (case.p + 1, d), "positions": (LENGTH, d)}
        shapes |= {"up": (d, case.hidden), "down": (case.hidden, d), "unembed": (d, case.p)}
        fan_in |= {"down": case.hidden, "unembed": d}
        for (name, shape), own in zip(shapes.items(), jax.random.split(key, 9), strict=True):
            setattr(self, name, jax.random.normal(own, shape) / fan_in[name] ** 0.5)
        self.heads = case.heads

    def __call__(self, tokens_L: Array) -> Array:
        """Logits (V,) of one example."""
        split = lambda x: x.reshape(*x.shape[:-1], self.heads, -1)
        x_LD = self.embed[tokens_L] + self.positions
        q_HK, k_LHK, v_LHK = (
            split(x_LD[-1] @ self.w_q),
            split(x_LD @ self.w_k),
            split(x_LD @ self.w_v),
        )
        scores_HL = jnp.einsum("hk,lhk->hl", q_HK, k_LHK) / q_HK.shape[-1] ** 0.5
        z_HK = jnp.einsum("hl,lhk->hk", jax.nn.softmax(scores_HL), v_LHK)
        mid_D = x_LD[-1] + z_HK.reshape(-1) @ self.w_o
        return (mid_D + jax.nn.relu(mid_D @ self.up) @ self.down) @ self.unembed


def loss(net: Net, tokens_BL: Array, answers_B: Array) -> Array:
    """Mean cross-entropy."""
    out_BV = jax.vmap(net)(tokens_BL)
    return optax.softmax_cross_entropy_with_integer_labels(out_BV, answers_B).mean()


class ByHand:
    """See the module; a call of ``run`` is one compiled call."""

    def prepare(self, case: Case) -> str:
        """Draw the models and compile."""
        train: Any = task(case).split()["train"]
        self.data = jnp.asarray(train.inputs), jnp.asarray(train.targets)
        self.optimizer = optax.adamw(case.learning_rate, b2=case.b2, weight_decay=case.weight_decay)
        keys_P = jax.random.split(jax.random.key(0), case.size)
        self.nets = eqx.filter_vmap(functools.partial(Net, case))(keys_P)
        self.state = jax.vmap(self.optimizer.init)(eqx.filter(self.nets, eqx.is_array))
        self.run(2)
        return "vmap in scan, one program"

    def run(self, steps: int) -> None:
        """Train every model for a number of steps."""
        found = self._train(self.nets, self.state, jnp.int32(steps))
        self.nets, self.state, self.losses_P = jax.block_until_ready(found)

    def loss(self) -> float:
        """Mean over models of the loss at the last step."""
        return float(self.losses_P.mean())

    @eqx.filter_jit
    def _train(self, nets: Net, state: Any, steps: Any) -> Any:
        def update(net: Net, state: Any) -> Any:
            value, slope = jax.value_and_grad(loss)(net, *self.data)
            moves, state = self.optimizer.update(slope, state, net)
            return eqx.apply_updates(net, moves), state, value

        def step(_: Array, carry: Any) -> Any:
            return jax.vmap(update)(*carry[:2])

        zero_P = jnp.zeros(len(jax.tree.leaves(nets)[0]))
        return jax.lax.fori_loop(0, steps, step, (nets, state, zero_P))
