/** The page: which playground or explorer the address names. */

import { open as attention } from "./attention/page";
import { open as countdown } from "./countdown/page";
import { open as grokking } from "./grokking/page";
import { open as othello } from "./othello/page";
import { open as run, opened } from "./run/page";
import { h } from "./shell/dom";
import { notice } from "./shell/notice";
import { split } from "./shell/state";
import { open as superposition } from "./superposition/page";
import { open as tracing } from "./tracing/page";

type Open = (root: HTMLElement, query: URLSearchParams) => () => void;

const PAGES: Record<string, { title: string; open: Open }> = {
  superposition: { title: "Superposition", open: superposition },
  grokking: { title: "Grokking", open: grokking },
  attention: { title: "Attention", open: attention },
  othello: { title: "Othello", open: othello },
  graph_tracing: { title: "Graph tracing", open: tracing },
  countdown: { title: "CountDown", open: countdown },
  run: { title: "Runs", open: run },
};
const FIRST = opened() ? "run" : "superposition";

const main = document.getElementById("main")!;
const nav = document.querySelector("nav")!;
let close: () => void = () => {};

/** Open the page that the address names; say so where there is none of that name. */
function show(): void {
  close();
  main.replaceChildren();
  const { page, query } = split(location.hash);
  const known = page in PAGES;
  const name = known ? page : FIRST;
  nav.replaceChildren(
    ...Object.entries(PAGES).map(([key, { title }]) =>
      h("a", { href: `#/${key}`, "aria-current": key === name ? "page" : null }, title),
    ),
  );
  document.title = `${PAGES[name].title} · toylab`;
  if (!known && page && page !== "main") {
    notice(main, `There is no page named ${JSON.stringify(page.slice(0, 40))}; this is the first one.`);
  }
  close = PAGES[name].open(main, known ? query : new URLSearchParams());
}

window.addEventListener("hashchange", () => {
  if (location.hash === "#main") main.focus();
  else show();
});
show();
