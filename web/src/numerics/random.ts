/** Random numbers from a seed: the same seed gives the same numbers in every browser. */

/** Numbers in [0, 1), by xoshiro128** (Blackman and Vigna 2018), seeded by splitmix32. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** Start a stream; streams of one seed with different names share nothing. */
  constructor(seed: number, name = "") {
    let state = seed | 0;
    for (const letter of name) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193);
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    [this.a, this.b, this.c, this.d] = [next(), next(), next(), next() | 1];
  }

  /** The next 32 bits, as a whole number from 0. */
  bits(): number {
    const five = Math.imul(this.b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9);
    const t = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= t;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result >>> 0;
  }

  /** One number in [0, 1), of 24 bits, so that float32 holds it exactly. */
  one(): number {
    return (this.bits() >>> 8) / 0x1000000;
  }

  /** A whole number from 0 to `count - 1`. */
  below(count: number): number {
    return Math.min(Math.floor(this.one() * count), count - 1);
  }

  /** `count` numbers in [0, 1). */
  uniform(count: number): Float32Array {
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) out[i] = (this.bits() >>> 8) / 0x1000000;
    return out;
  }

  /** `count` numbers of mean 0 and standard deviation `scale`, by Box and Muller. */
  normal(count: number, scale = 1): Float32Array {
    const out = new Float32Array(count);
    for (let i = 0; i < count; i += 2) {
      const radius = scale * Math.sqrt(-2 * Math.log(1 - this.one()));
      const angle = 2 * Math.PI * this.one();
      out[i] = radius * Math.cos(angle);
      if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
    }
    return out;
  }

  /** The numbers 0 to `count - 1` in random order. */
  order(count: number): Int32Array {
    const out = Int32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }
}
