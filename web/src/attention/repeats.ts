/**
 * Segments of random tokens, repeated: what came after the last copy of a token comes again.
 *
 * As `toylab.tasks.in_context.repeats.Repeats`: periods are uniform between two bounds; targets are the
 * tokens that follow, and weigh 1 from the second copy on.
 */

import { Random } from "../numerics/random";

export interface World {
  tokens: number;
  length: number;
  shortest: number;
  longest: number;
}

export interface Batch {
  inputs: Int32Array; // (B, L)
  targets: Int32Array; // (B, L)
  weights: Float32Array; // (B, L)
}

/** Draw sequences. */
export function draw(world: World, size: number, random: Random): Batch {
  const { tokens, length, shortest, longest } = world;
  const [inputs, targets] = [new Int32Array(size * length), new Int32Array(size * length)];
  const weights = new Float32Array(size * length);
  for (let b = 0; b < size; b++) {
    const period = shortest + random.below(longest - shortest + 1);
    const segment = random.order(tokens);
    for (let l = 0; l < length; l++) {
      inputs[b * length + l] = segment[l % period];
      targets[b * length + l] = segment[(l + 1) % period];
      weights[b * length + l] = l >= period ? 1 : 0;
    }
  }
  return { inputs, targets, weights };
}

/**
 * Scores of heads on sequences of one period, from patterns (B, H, L, L): mean attention to the
 * token after the last copy (induction), and to the token before (previous token).
 *
 * As `toylab.analysis.heads`.
 */
export function scores(
  pattern: Float32Array,
  [B, H, L]: number[],
  period: number,
): { induction: Float32Array; previous: Float32Array } {
  const [induction, previous] = [new Float32Array(H), new Float32Array(H)];
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const at = (query: number, key: number): number => pattern[((b * H + h) * L + query) * L + key];
      for (let l = period; l < L; l++) induction[h] += at(l, l - period + 1) / (B * (L - period));
      for (let l = 1; l < L; l++) previous[h] += at(l, l - 1) / (B * (L - 1));
    }
  }
  return { induction, previous };
}
