"""Imitation learning from language feedback (ILF): finetuning on refinements of a model's outputs.

It is a loss of the ordinary population engine. One transformer writes outputs and refines them:
the refiner is the member as it was at the start, the policy changes. Everything is sampled within
the compiled step, by :mod:`toylab.models.sampling`.

Shape suffixes: B prompts, K samples of each (N = B K in all), S tokens of an output, F of feedback.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax import Array

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.models.sampling import generate
from toylab.models.transformer import Transformer
from toylab.rl.likelihood import sequence_nats
from toylab.rl.policy_gradient import until_stop
from toylab.rl.selection import chosen, take
from toylab.taps import Params
from toylab.task import Batch, Number

OWN, REFINED, CORRECTED = range(3)  # what is imitated
WRITE, REFINE, SAY, CHOOSE_OWN, CHOOSE = range(5)  # children of a prompt's key


class Critic(Protocol):
    """A world in which outputs can be criticised; feedback is tokens (B, F)."""

    def feedback(self, answers_BS: Array, batch: Batch, keys_B: Array) -> Array:
        """Return several kinds of feedback on outputs, (C, B, F)."""
        ...

    def says_nothing(self, names_BF: Array) -> Array:
        """Whether feedback asks for no change, (B,): outputs then stay as they are."""
        ...

    def ask(self, answers_BS: Array, names_BF: Array) -> Array:
        """Return prompts (B, Q) after which a refinement of outputs by feedback is written."""
        ...

    def corrected(self, answers_BS: Array, names_BF: Array) -> Array:
        """Return outputs with feedback heeded without fault, (B, S)."""
        ...

    def incorporates(self, answers_BS: Array, names_BF: Array) -> Array:
        """Whether outputs heed feedback, (B,)."""
        ...

    def pleases(self, answers_BS: Array, batch: Batch) -> Array:
        """Whether there is nothing to criticise, (B,)."""
        ...


@dataclasses.dataclass(frozen=True)
class LanguageFeedback:
    """ILF as a loss: ``loss(model, params, batch) -> (B,)``, nats of what is imitated.

    For each prompt the policy, as it was at the last multiple of ``refresh`` updates, draws K
    outputs. The first is criticised, and the refiner draws K refinements of it by that feedback. A
    judge votes on which of them heed it, and the policy learns the one with the most votes, by
    maximum likelihood. Where feedback asks for no change, the output itself is learned.

    So ``refresh`` updates are a round of feedback. Controls differ in a number each: ``source`` 0
    learns from the K outputs themselves, by votes on whether they please (rejection sampling, and
    with ``error`` 0.5 one's own outputs as they come), 1 from refinements, 2 from the correction
    without fault; ``error`` 0.5 chooses at random; ``once`` draws all outputs from the first
    policy, so that as many prompts make one round.

    Args:
        world: who criticises.
        samples: K.
        length: tokens of an output, S.
        stop: token after which an output has ended.
        pad: token after the end.
        votes: votes on each sample.
        refresh: updates of a round.
        source: what is imitated; may differ per member, as may all that follow.
        feedback: which kind the world gives.
        error: chance that a vote is wrong, in [0, 0.5].
        once: 1 for one round.
        temperature: of all sampling, above 0.
        reference: parameters, bound by the engine.
        behaviour: parameters, bound by the engine.

    Raises:
        ToylabError: a number out of range; at the call, unbound parameters, or a batch without
            ``latents["key"]`` (B, 2).

    Source:
        Scheurer et al. 2023 (arXiv:2303.16755), algorithm 1.
    """

    world: Critic
    samples: int
    length: int
    stop: int
    pad: int = 0
    votes: int = 5
    refresh: int = 1
    source: Number = REFINED
    feedback: Number = 1
    error: Number = 0.0
    once: Number = 0
    temperature: Number = 1.0
    reference: Any = None
    behaviour: Any = None

    def __post_init__(self) -> None:
        for name in ("samples", "length", "votes", "refresh"):
            check_number("LanguageFeedback", name, getattr(self, name), 1, whole=True)
        check_number("LanguageFeedback", "source", self.source, 0, 2, whole=True)
        check_number("LanguageFeedback", "feedback", self.feedback, 0, whole=True)
        check_number("LanguageFeedback", "error", self.error, 0, 0.5)
        check_number("LanguageFeedback", "once", self.once, 0, 1)
        check_number("LanguageFeedback", "temperature", self.temperature, above=0)

    @property
    def lagged(self) -> Mapping[str, int]:
        """What the engine keeps for it; see :class:`toylab.losses.BindingLoss`."""
        return {"reference": 0, "behaviour": self.refresh}

    def bind(
        self, model: Transformer, batch: Batch, lagged: Mapping[str, Params]
    ) -> tuple["LanguageFeedback", Batch]:
        """Return the loss with its earlier parameters, and the batch to imitate."""
        own = dataclasses.replace(self, **lagged)
        return own, own.prepare(model, batch)

    def __call__(self, model: Transformer, params: Params, batch: Batch) -> Array:
        """Return the nats of what each prompt's policy is to learn."""
        ready = batch if "imitated" in batch.latents else self.prepare(model, batch)
        return sequence_nats(dataclasses.replace(model, read="all"), params, ready)

    def prepare(self, model: Transformer, batch: Batch) -> Batch:
        """Draw, criticise, refine and choose: make of prompts what is learned.

        Returns:
            Inputs (B, L + S - 1), prompts with what is imitated; targets and weights alike. Latents
            of the batch, with ``imitated`` (B, S).
        """
        told = self.draw(model, batch)
        right_BS = told["imitated"]
        weights_BS = until_stop(right_BS, self.stop).astype(jnp.float32)
        whole = jnp.concatenate([batch.inputs, right_BS], 1)
        weights = jnp.pad(weights_BS, ((0, 0), (batch.inputs.shape[1] - 1, 0)))
        latents = {**batch.latents, "imitated": right_BS}
        return jax.lax.stop_gradient(Batch(whole[:, :-1], whole[:, 1:], weights, latents))

    def draw(self, model: Transformer, batch: Batch) -> dict[str, Array]:
        """Return a round's outputs, feedback and refinements for each prompt.

        Returns:
            ``own`` (B, K, S), ``said`` (B, F), ``refined`` (B, K, S), ``silent`` (B,), whether
            feedback asks for no change, and ``imitated`` (B, S).
        """
        if self.behaviour is None or self.reference is None:
            raise ToylabError("LanguageFeedback: bind reference and behaviour, as the engine does.")
        keys_B = _keys(batch)
        late = jnp.asarray(self.once, jnp.float32) > 0
        policy = jax.tree.map(lambda a, b: jnp.where(late, a, b), self.reference, self.behaviour)
        own_BKS = self._sample(model, policy, batch.inputs, _child(keys_B, WRITE))
        first_BS = own_BKS[:, 0]
        kinds = self.world.feedback(first_BS, batch, _child(keys_B, SAY))
        said_BF = kinds[jnp.asarray(self.feedback).astype(jnp.int32)]
        asked_BQ = self.world.ask(first_BS, said_BF)
        refined_BKS = self._sample(model, self.reference, asked_BQ, _child(keys_B, REFINE))
        silent_B = self.world.says_nothing(said_BF)
        refined_BKS = jnp.where(silent_B[:, None, None], first_BS[:, None], refined_BKS)
        told = {"own": own_BKS, "said": said_BF, "refined": refined_BKS, "silent": silent_B}
        return told | {"imitated": self.imitated(told, batch, keys_B)}

    def imitated(self, told: Mapping[str, Array], batch: Batch, keys_B: Array) -> Array:
        """Return what is learned of a round's outputs and refinements, (B, S)."""
        over_K = lambda judge: jax.vmap(judge, 1, 1)
        pleases_BK = over_K(lambda answers: self.world.pleases(answers, batch))(told["own"])
        heeds_BK = over_K(lambda answers: self.world.incorporates(answers, told["said"]))(
            told["refined"]
        )
        choose = lambda right_BK, child: jax.vmap(
            lambda right_K, key: chosen(right_K, key, self.error, self.votes)
        )(right_BK, _child(keys_B, child))
        own_BS = take(told["own"], choose(pleases_BK, CHOOSE_OWN))
        refined_BS = take(told["refined"], choose(heeds_BK, CHOOSE))
        corrected_BS = self.world.corrected(told["own"][:, 0], told["said"])
        source = jnp.asarray(self.source).astype(jnp.int32)
        return jnp.stack([own_BS, refined_BS, corrected_BS])[source]

    def _sample(self, model: Transformer, params: Params, prompts: Array, keys_B: Array) -> Array:
        """Draw K outputs after each prompt, (B, K, S)."""
        children = jax.vmap(lambda key: jax.vmap(lambda k: random.fold_in(key, k))(self._places))
        keys_N = children(keys_B).reshape(-1)
        prompts_NL = jnp.repeat(prompts, self.samples, 0)
        rules = (self.length, keys_N, self.temperature, self.stop, self.pad)
        drawn_NS, _ = generate(model, jax.lax.stop_gradient(params), prompts_NL, *rules)
        return drawn_NS.reshape(len(prompts), self.samples, self.length)

    @property
    def _places(self) -> Array:
        return jnp.arange(self.samples, dtype=jnp.uint32)


def _keys(batch: Batch) -> Array:
    """Typed keys of a batch's prompts, (B,)."""
    bits = batch.latents.get("key")
    if bits is None or jnp.shape(bits) != (len(batch.inputs), 2):
        raise ToylabError(
            "LanguageFeedback: the task gives no latents['key'], (B, 2) random bits, from "
            "which outputs are sampled."
        )
    bits = jax.lax.bitcast_convert_type(bits, jnp.uint32)
    return jax.random.wrap_key_data(bits, impl="threefry2x32")


def _child(keys_B: Array, child: int) -> Array:
    return jax.vmap(lambda key: random.fold_in(key, child))(keys_B)
