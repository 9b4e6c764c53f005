"""Group relative policy optimisation (GRPO): learning from a reward on a model's own samples.

It is a loss of the ordinary population engine: the rollouts are drawn within the compiled step, by
the sampler of :mod:`toylab.models.sampling`. An update looks at completions in the order of their
lengths, so that it need not go to the last place of each (:mod:`toylab.rl.used_length`).

Shape suffixes: B prompts, G completions of a prompt (N = B G of them in all), L length of prompt
and completion, S tokens of a completion, V vocabulary.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.losses import cross_entropy_from_logits
from toylab.models.sampling import generate
from toylab.models.transformer import Transformer
from toylab.rl.policy_gradient import clipped_surrogate, group_advantages, k3, until_stop
from toylab.rl.used_length import at_length, mean_at_length, sort_by_length
from toylab.taps import Params
from toylab.task import Batch, Number

SHUFFLE = 2**30  # child of a prompt's key that exchanges rewards; completions have the first ones
MICROBATCH = 16  # completions looked at by the reference at once, which a CPU's cache holds
Reward = Callable[[Array, Batch], Array]


@dataclasses.dataclass(frozen=True)
class GRPO:
    """GRPO as a loss: ``loss(model, params, batch) -> (B,)``, one number per prompt.

    For each prompt, ``group`` completions are sampled from the behaviour policy and rewarded. With
    a completion's advantage ``A`` (see :func:`toylab.rl.policy_gradient.group_advantages`) and, at
    each of its tokens, the ratio ``rho`` of the policy's probability to the behaviour's,

        loss = -mean_t min(rho_t A, clip(rho_t, 1 - clip, 1 + clip) A) + kl mean_t k3_t.

    The mean is over the completion's tokens up to and including ``stop``, then over the group: each
    completion counts the same, whatever its length ("sequence mean, token mean"). Probabilities are
    those at ``temperature``, for policy, behaviour and reference alike. The loss's value says
    nothing of progress, since advantages sum to 0; measure the reward.

    The engine keeps both other parameter trees (``lagged``): the reference is the member's first
    parameters, those of a population's ``start``; the behaviour is the parameters as they were at
    the last multiple of ``refresh`` updates. Prompts and completions are new at every update.

    A reward that is not finite makes the loss NaN, so the engine stops that member and marks it
    diverged at that step.

    Args:
        reward: reward of each sequence, ``f(tokens (N, L), batch) -> (N,)``; tokens are prompt and
            completion, and the batch's entries are repeated for each completion.
        group: completions of a prompt, G >= 2.
        length: tokens of a completion, S.
        stop: token after which a completion has ended; None never ends one.
        pad: token after the end.
        temperature: temperature of sampling, above 0; may differ per member.
        clip: how far the ratio counts, in [0, 1]; may differ per member.
        kl: weight of the distance to the reference; may differ per member. At a plain 0 the
            reference is not computed.
        scale: divide advantages by the group's standard deviation; Dr. GRPO does not.
        refresh: updates between copies of the policy into the behaviour; 1 is on-policy.
        spurious: 1 exchanges rewards at random within each group: a control that keeps their
            distribution and says nothing. May differ per member.
        reference: parameters, bound by the engine.
        behaviour: parameters, bound by the engine.

    Raises:
        ToylabError: a number out of range; at the call, unbound parameters, a batch without
            ``latents["key"]`` (B, 2) uint32, or a reward of a wrong shape.

    Source:
        Shao et al. 2024 (2402.03300), equations 3 and 4; Dr. GRPO: Liu et al. 2025 (2503.20783).
        The clipped objective is PPO's, Schulman et al. 2017 (1707.06347).
    """

    reward: Reward
    group: int
    length: int
    stop: int | None = None
    pad: int = 0
    temperature: Number = 1.0
    clip: Number = 0.2
    kl: Number = 0.0
    scale: bool = True
    refresh: int = 1
    spurious: Number = 0.0
    reference: Any = None
    behaviour: Any = None

    def __post_init__(self) -> None:
        check_number("GRPO", "group", self.group, 2, whole=True)
        check_number("GRPO", "length", self.length, 1, whole=True)
        check_number("GRPO", "refresh", self.refresh, 1, whole=True)
        check_number("GRPO", "temperature", self.temperature, above=0)
        check_number("GRPO", "clip", self.clip, 0, 1)
        check_number("GRPO", "kl", self.kl, 0)
        check_number("GRPO", "spurious", self.spurious, 0, 1)

    @property
    def lagged(self) -> Mapping[str, int]:
        """What the engine keeps for it; see :class:`toylab.losses.BindingLoss`."""
        return {"reference": 0, "behaviour": self.refresh}

    def bind(
        self, model: Transformer, batch: Batch, lagged: Mapping[str, Params]
    ) -> tuple[Callable[..., Array], Batch]:
        """Return the loss of an update, and the batch rolled out, its completions by length.

        The loss gives each row the mean over all its completions, which are of any prompts.
        """
        own = dataclasses.replace(self, **lagged)
        ready = own.prepare(model, batch)
        if self.stop is None:
            return own, ready

        def loss(model: Any, params: Params, batch: Batch) -> Array:
            of_length = lambda cut: dataclasses.replace(own, length=cut)
            each = lambda params, short, cut: of_length(cut)(model, params, short)
            return jnp.broadcast_to(mean_at_length(each, params, batch), len(batch.inputs))

        return loss, sort_by_length(ready)

    def prepare(self, model: Transformer, batch: Batch) -> Batch:
        """Sample, reward and compare: make of prompts what the loss needs, without a gradient.

        It is of a whole batch: the gradient may be taken in microbatches while completions are
        sampled all at once.

        Returns:
            Inputs (B, G, L), prompts with completions; targets (B, G, S), the completions; weights
            (B, G, S), 1 up to the stop; latents ``advantage`` (B, G), ``behaviour`` and
            ``reference`` (B, G, S), log-probabilities under those policies, 0 at places past the
            end that were not looked at.
        """
        if self.behaviour is None or self.reference is None:
            raise ToylabError("GRPO: bind reference and behaviour, as the engine does in training.")
        tokens_NL, old_NS, reward_BG = self.roll_out(model, batch)
        answer_NS = tokens_NL[:, -self.length :]
        counted_NS = until_stop(answer_NS, self.stop).astype(jnp.float32)
        no_kl = isinstance(self.kl, int | float) and self.kl == 0
        reference_NS = old_NS if no_kl else self._under_reference(model, tokens_NL, counted_NS)
        grouped = lambda leaf: leaf.reshape(*reward_BG.shape, *leaf.shape[1:])
        latents = {
            "advantage": group_advantages(reward_BG, self.scale),
            "behaviour": grouped(old_NS),
            "reference": grouped(reference_NS),
        }
        ready = (grouped(tokens_NL), grouped(answer_NS), grouped(counted_NS), latents)
        return jax.lax.stop_gradient(Batch(*ready))

    def __call__(self, model: Transformer, params: Params, batch: Batch) -> Float[Array, " B"]:
        """Return the loss of each prompt, of a batch of prompts or one that is prepared."""
        if "advantage" not in batch.latents:
            batch = self.prepare(model, batch)
        tokens_NL = batch.inputs.reshape(-1, batch.inputs.shape[-1])
        own_NS = self._log_probs(model, params, tokens_NL)
        own_BGS, known = own_NS.reshape(batch.targets.shape), batch.latents
        advantage_BG1 = known["advantage"][..., None]
        gain_BGS = clipped_surrogate(own_BGS, known["behaviour"], advantage_BG1, self.clip)
        kl = jnp.asarray(self.kl, jnp.float32)
        loss_BGS = kl * k3(own_BGS, known["reference"]) - gain_BGS
        counted_BGS = batch.weights
        return jnp.mean(jnp.sum(counted_BGS * loss_BGS, -1) / jnp.sum(counted_BGS, -1), -1)

    def roll_out(
        self, model: Transformer, batch: Batch
    ) -> tuple[Int[Array, "N L"], Float[Array, "N S"], Float[Array, "B G"]]:
        """Sample ``group`` completions of every prompt from the behaviour, and reward them.

        Returns:
            Prompts with their completions, the log-probabilities of the completions' tokens, and
            the rewards.
        """
        bits = batch.latents.get("key")
        size = len(batch.inputs)
        if bits is None or jnp.shape(bits) != (size, 2):
            raise ToylabError(
                "GRPO: the task gives no latents['key'], (B, 2) uint32 per batch: random bits from "
                "which completions are sampled."
            )
        bits = jax.lax.bitcast_convert_type(bits, jnp.uint32)
        keys_B = jax.random.wrap_key_data(bits, impl="threefry2x32")
        child = lambda key: jax.vmap(lambda g: random.fold_in(key, g))(jnp.arange(self.group))
        keys_N = jax.vmap(child)(keys_B).reshape(-1)
        repeat = lambda leaf: (
            jnp.repeat(leaf, self.group, 0) if jnp.shape(leaf)[:1] == (size,) else leaf
        )
        repeated = jax.tree.map(repeat, batch)
        policy = jax.lax.stop_gradient(self.behaviour)
        rules = (self.length, keys_N, self.temperature, self.stop, self.pad)
        answer_NS, logp_NS = generate(model, policy, repeated.inputs, *rules)
        tokens_NL = jnp.concatenate([repeated.inputs, answer_NS], 1)
        reward_N = jax.lax.stop_gradient(self.reward(tokens_NL, repeated))
        if jnp.shape(reward_N) != (len(tokens_NL),):
            raise ToylabError(
                f"GRPO: the reward has shape {jnp.shape(reward_N)}; give one number for each of "
                f"{len(tokens_NL)} sequences."
            )
        reward_BG = reward_N.astype(jnp.float32).reshape(size, self.group)
        u_B = jax.vmap(lambda key: random.uniform(random.fold_in(key, SHUFFLE), (self.group,)))
        other_BG = jnp.take_along_axis(reward_BG, jnp.argsort(u_B(keys_B), -1), -1)
        is_spurious = jnp.asarray(self.spurious, jnp.float32) > 0
        return tokens_NL, logp_NS, jnp.where(is_spurious, other_BG, reward_BG)

    def _under_reference(self, model: Transformer, tokens_NL: Array, counted_NS: Array) -> Array:
        """Log-probabilities under the reference, 0 at places that no completion nearby uses."""
        rows, length = counted_NS.shape
        piece = max(size for size in range(1, MICROBATCH + 1) if rows % size == 0)
        order_N = jnp.argsort(jnp.sum(counted_NS, 1))
        cut_up = lambda leaf: leaf[order_N].reshape(-1, piece, leaf.shape[1])

        def upto(cut: int, tokens_NL: Array) -> Array:
            own, unused = dataclasses.replace(self, length=cut), length - cut
            short_NL = tokens_NL[:, : tokens_NL.shape[1] - unused]
            return jnp.pad(own._log_probs(model, self.reference, short_NL), ((0, 0), (0, unused)))

        each = lambda part: at_length(upto, part[1], part[0])
        found = jax.lax.map(each, (cut_up(tokens_NL), cut_up(counted_NS)))
        return found.reshape(rows, length)[jnp.argsort(order_N)]

    def _log_probs(self, model: Transformer, params: Params, tokens_NL: Array) -> Array:
        """Log-probabilities of the completions' tokens, from one pass over full sequences."""
        model = dataclasses.replace(model, read="all")
        logits_NLV = model.apply(params, tokens_NL[:, :-1])[:, -self.length :]
        temperature = jnp.asarray(self.temperature, logits_NLV.dtype)
        return -cross_entropy_from_logits(logits_NLV / temperature, tokens_NL[:, -self.length :])
