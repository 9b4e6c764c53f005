/** Losses, as `toylab.losses` defines them. */

import { lax, numpy as np } from "@jax-js/jax";

/**
 * Cross-entropy in nats from margins, so that tiny losses stay exact: with d_v = z_v - z_y,
 * -log p_y = log1p(sum_{v != y} exp d_v). A float32 log-softmax rounds it to 0 below 1e-7.
 *
 * @param logits (..., V), consumed.
 * @param answers one-hot (..., V) in float32, consumed.
 * @returns (...).
 */
export function crossEntropy(logits: np.Array, answers: np.Array): np.Array {
  const right = logits.ref.mul(answers.ref).sum(-1, { keepdims: true });
  const margin = logits.sub(right);
  // The right class has margin 0, so that this is at least 0; what it is has no effect on the sum.
  const top = lax.stopGradient(np.max(margin.ref, -1, { keepdims: true }));
  const others = np.exp(margin.sub(top.ref)).mul(np.subtract(1, answers));
  const rest = others.sum(-1);
  const flat = np.squeeze(top, -1);
  return flat.ref.add(np.log1p(rest.add(np.expm1(np.negative(flat)))));
}

/** Whether the greatest logit is the answer's, 1 or 0: (..., V) to (...). Consumes both. */
export function correct(logits: np.Array, answers: np.Array): np.Array {
  const right = logits.ref.mul(answers.ref).sum(-1);
  const others = np.where(np.greater(answers, 0.5), -1e30, logits).max(-1);
  return np.where(np.greater(right, others), 1, 0);
}
