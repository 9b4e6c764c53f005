/** The rules of CountDown as `toylab.tasks.countdown.countdown_rules` has them: words, plans, and what an attempt breaks. */

const WORDS = ["+", "-", "*", "/", "=", "(", "ok", "no", "ANS", "T", "N", ":", "EOS", "PAD"];
const STEP = 5; // tokens of a step: a, operation, b, "=", c

export interface Settings {
  numbers: number;
  largest: number;
  low: number;
  high: number;
  /** The greatest number that has a token. */
  top: number;
  operations: string;
}

/** Reach a target from numbers. */
export interface Problem {
  target: number;
  numbers: number[];
}

/** Words and lengths of a game. */
export class Rules {
  constructor(readonly settings: Settings) {}

  /** Tokens of a prompt, and of an attempt with its verdict. */
  get prompt(): number {
    return this.settings.numbers + 4;
  }

  get attempt(): number {
    return STEP * (this.settings.numbers - 1) + 2;
  }

  token(word: string | number): number {
    const place = WORDS.indexOf(String(word));
    return place < 0 ? Number(word) : this.settings.top + 1 + place;
  }

  word(token: number): string {
    return token > this.settings.top ? WORDS[token - this.settings.top - 1] : String(token);
  }

  /** `T 24 N 3 7 11 :` */
  ask({ target, numbers }: Problem): number[] {
    return ["T", target, "N", ...numbers, ":"].map((word) => this.token(word));
  }

  /** The first plan that reaches the target, as tokens up to its result; null where none does. */
  solve({ target, numbers }: Problem): number[] | null {
    const steps = this.search(numbers, target);
    return steps && steps.flat().map((word) => this.token(word));
  }

  private search(hand: number[], target: number): (string | number)[][] | null {
    if (hand.length === 1) return hand[0] === target ? [] : null;
    for (let i = 0; i < hand.length; i++) {
      for (let j = i + 1; j < hand.length; j++) {
        for (const sign of this.settings.operations) {
          const [a, b] = "-/".includes(sign) && hand[j] > hand[i] ? [hand[j], hand[i]] : [hand[i], hand[j]];
          const c = compute(a, sign, b);
          if (c === null || c > this.settings.top) continue;
          const rest = hand.filter((_, place) => place !== i && place !== j);
          const found = this.search([...rest, c], target);
          if (found) return [[a, sign, b, "=", c], ...found];
        }
      }
    }
    return null;
  }

  /** The first rule that an attempt's words break, in words; empty where it breaks none. */
  broken(words: string[], numbers: number[]): string {
    const hand = [...numbers];
    for (let step = 1; step < numbers.length; step++) {
      const [a, sign, b, equals, c] = words.slice(STEP * (step - 1), STEP * step);
      const [left, right, told] = [a, b, c].map(Number);
      if (equals !== "=" || !this.settings.operations.includes(sign) || [left, right, told].some(Number.isNaN)) return `step ${step} is none`;
      for (const number of [left, right]) {
        const place = hand.indexOf(number);
        if (place < 0) return `step ${step}: ${number} is not in hand`;
        hand.splice(place, 1);
      }
      const value = compute(left, sign, right);
      if (value !== told) return `step ${step}: ${left} ${sign} ${right} is ${value ?? "not a whole number"}, not ${told}`;
      hand.push(told);
    }
    return "";
  }
}

function compute(a: number, sign: string, b: number): number | null {
  if (sign === "/") return b && a % b === 0 ? a / b : null;
  return sign === "+" ? a + b : sign === "-" ? a - b : a * b;
}
