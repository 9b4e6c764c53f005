/**
 * A network run in the page, with a frequency taken out of its embeddings.
 *
 * What a frequency is in an embedding is its part along the cosine and the sine over residues, as
 * `toylab.tasks.grokking.theory.fourier.waves` has them.
 */

/** One member's parameters: embeddings (2, p, E), kernels (E, H) and (H, p). */
export interface Network {
  p: number;
  embed: Float32Array;
  first: Float32Array;
  second: Float32Array;
}

/** Both embeddings without their part along a frequency. */
export function without({ p, embed }: Network, k: number): Float32Array {
  const width = embed.length / (2 * p);
  const out = embed.slice();
  for (const turn of [Math.cos, Math.sin]) {
    const wave = Float64Array.from({ length: p }, (_, a) => Math.sqrt(2 / p) * turn((2 * Math.PI * ((k * a) % p)) / p));
    for (let which = 0; which < 2; which++) {
      const at = which * p * width;
      for (let d = 0; d < width; d++) {
        let part = 0;
        for (let a = 0; a < p; a++) part += wave[a] * embed[at + a * width + d];
        for (let a = 0; a < p; a++) out[at + a * width + d] -= wave[a] * part;
      }
    }
  }
  return out;
}

/** Logits of all pairs, (p^2, p), x varying slowest. */
export function logits({ p, embed, first, second }: Network): Float32Array {
  const width = embed.length / (2 * p);
  const hidden = first.length / width;
  const rows = new Float32Array(2 * p * hidden);
  for (let row = 0; row < 2 * p; row++) {
    for (let d = 0; d < width; d++) {
      const x = embed[row * width + d];
      for (let f = 0; f < hidden; f++) rows[row * hidden + f] += x * first[d * hidden + f];
    }
  }
  const out = new Float32Array(p * p * p);
  for (let pair = 0; pair < p * p; pair++) {
    const [x, y] = [Math.floor(pair / p) * hidden, (p + (pair % p)) * hidden];
    for (let f = 0; f < hidden; f++) {
      const active = rows[x + f] + rows[y + f];
      if (active <= 0) continue;
      for (let c = 0; c < p; c++) out[pair * p + c] += active * second[f * p + c];
    }
  }
  return out;
}

/** Which pairs are answered rightly, (p^2,) of 1 and 0. */
export function rightly(network: Network): Float32Array {
  const { p } = network;
  const all = logits(network);
  return new Float32Array(p * p).map((_, pair) => {
    const row = all.subarray(pair * p, (pair + 1) * p);
    let best = 0;
    for (let c = 1; c < p; c++) if (row[c] > row[best]) best = c;
    return Number(best === (Math.floor(pair / p) + (pair % p)) % p);
  });
}

/** Share of the pairs that are right among those trained on, or among the others. */
export function share(right: Float32Array, mask: Float32Array, trained: boolean): number {
  let [sum, count] = [0, 0];
  mask.forEach((is, i) => {
    if (Boolean(is) !== trained) return;
    sum += right[i];
    count += 1;
  });
  return sum / count;
}
