"""Four ways to score what stands under the masks; of each, a sequence is right if all three are.

========= ======================================================================================
full      the largest logit of all tokens, the network as it is
fresh     the same, with the held-out words' embeddings drawn anew, with the arm's own spread
unbiased  the same as full, without the decoder's bias
choice    the larger logit of the sequence's two words, noun and adjective
========= ======================================================================================

Held-out words are never right in training, so that the softmax pushes their embeddings away from
what is: only a fall of ``choice`` says that the circuit which finds the word in context is gone.

P members, B questions, V tokens, D width.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array

from toylab.models.masked_lm import MaskedLM
from toylab.random import normal
from toylab.taps import Params
from toylab.tasks.dual_process.parts_of_speech import MASKED
from toylab.tasks.dual_process.questions import Questions

RULES = ("full", "fresh", "unbiased", "choice")
FRESH = 9  # seed of fresh embeddings


@functools.partial(jax.jit, static_argnums=0)
def right(
    model: MaskedLM, params_P: Params, questions: Questions, held: Array, scale_P: Array
) -> dict[str, Array]:
    """Which sequences are right by each rule, ``{rule: (P, B)}``; NaN where logits are not finite.

    Args:
        model: the model.
        params_P: of the members.
        questions: sequences of one kind.
        held: tokens held out of training.
        scale_P: standard deviation of fresh embeddings.
    """
    target_B3, masked = questions.targets[:, MASKED[0] :], slice(MASKED[0], None)

    def judge(answer_B3: Array, logits_B3V: Array) -> Array:
        hit_B = (answer_B3 == target_B3).all(-1).astype(jnp.float32)
        return jnp.where(jnp.isfinite(logits_B3V).all((1, 2)), hit_B, jnp.nan)

    def one(params: Params, scale: Array) -> dict[str, Array]:
        full = model.apply(params, questions.inputs)[:, masked]
        table = params["embed"]["embedding"]
        new = normal(jax.random.key(FRESH), (len(held), table.shape[1])) * scale
        renewed = params | {"embed": {"embedding": table.at[held].set(new)}}
        fresh = model.apply(renewed, questions.inputs)[:, masked]
        bare = full - params["decoder_bias"][None, None]
        pair_B32 = jnp.broadcast_to(questions.pair[:, None], (len(full), len(MASKED), 2))
        larger_B3 = jnp.take_along_axis(full, pair_B32, -1).argmax(-1)
        choice_B3 = jnp.take_along_axis(questions.pair, larger_B3, 1)
        answers = {"full": (full, full.argmax(-1)), "fresh": (fresh, fresh.argmax(-1))}
        answers |= {"unbiased": (bare, bare.argmax(-1)), "choice": (full, choice_B3)}
        return {rule: judge(answer, logits) for rule, (logits, answer) in answers.items()}

    return jax.vmap(one)(params_P, scale_P)
