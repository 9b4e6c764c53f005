/** A trace as it is written: an attempt a line, under every token what the network believes of the attempt. */

import { h } from "../shell/dom";
import type { Written } from "./player";
import type { Problem, Rules } from "./rules";

/** How an attempt ended. */
export interface Judged {
  right: boolean;
  /** What the network says of it, ok or no; empty for the answer. */
  verdict: string;
  line: number;
}

export interface Trace {
  element: HTMLElement;
  /** Take away what is there; the next trace is of this problem. */
  clear(problem: Problem): void;
  put(token: Written): void;
  /** Attempts whose verdict is there. */
  judged: Judged[];
}

/** Make an empty trace. */
export function trace(rules: Rules, name: string): Trace {
  const element = h("ol", { class: "trace", "aria-label": name });
  let problem: Problem;
  let words: string[] = [];
  let [tokens, judgement]: HTMLElement[] = [];
  const begin = (): void => {
    words = [];
    tokens = h("div", { class: "tokens" });
    judgement = h("p", {});
    element.append(h("li", {}, tokens, judgement));
  };
  const self: Trace = {
    element,
    judged: [],
    clear(next) {
      problem = next;
      self.judged = [];
      element.replaceChildren();
    },
    put({ word, line, place, belief, given }) {
      if (place === 0) begin();
      words.push(word);
      tokens.append(token(word, belief, given));
      if (place === rules.attempt - 1 || word === "EOS") finish(line);
    },
  };

  function finish(line: number): void {
    const answer = words[0] === "ANS";
    if (words[0] === "EOS") {
      judgement.textContent = "It stops without an answer.";
      return;
    }
    const steps = answer ? words.slice(1, -1) : words.slice(0, -2);
    const broken = rules.broken(steps, problem.numbers);
    const result = steps.at(-1);
    const right = !broken && Number(result) === problem.target;
    const verdict = answer ? "" : words.at(-1)!;
    self.judged.push({ right, verdict, line });
    judgement.textContent = said(right, verdict, broken, `${result}, not ${problem.target}`, problem.target);
    const noticed = answer ? right : right === (verdict === "ok");
    judgement.className = right && noticed ? "good" : noticed ? "" : "bad";
    if (right) tokens.children[words.length - (answer ? 2 : 3)].classList.add("hit");
  }
  return self;
}

function said(right: boolean, verdict: string, broken: string, off: string, target: number): string {
  if (!verdict) return right ? `Its answer is right: ${target}.` : `Its answer is wrong: ${broken || off}.`;
  if (right) return verdict === "ok" ? `It made ${target}, and notices.` : `It made ${target}, and does not notice!`;
  const why = broken ? `against the rules (${broken})` : off;
  return verdict === "ok" ? `Taken for right: ${why}!` : why.charAt(0).toUpperCase() + why.slice(1);
}

function token(word: string, belief: number | null, given: boolean): HTMLElement {
  const shown = word === "-" ? "−" : word === "ANS" ? "→" : word === "EOS" ? "■" : word;
  const verdict = word === "ok" || word === "no" ? ` verdict ${word}` : "";
  const spoken = { ANS: "answer", EOS: "end" }[word];
  const label = spoken ? h("b", { role: "img", "aria-label": spoken, title: spoken }, shown) : h("b", {}, shown);
  const element = h("span", { class: `token${verdict}${given ? " given" : ""}` }, label);
  if (belief === null) return element;
  const bar = h("i", { class: belief >= 0.5 ? "yes" : "no" });
  bar.style.setProperty("--sure", String(Math.abs(2 * belief - 1)));
  element.append(bar, h("span", { class: "unseen" }, ` believed right ${Math.round(100 * belief)}%`));
  element.title = `belief that the attempt is right: ${Math.round(100 * belief)}%`;
  return element;
}
