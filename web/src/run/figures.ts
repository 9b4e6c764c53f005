/** The figures that the run drew. */

import { h } from "../shell/dom";
import type { Bench, View } from "./page";

/** Make the view. */
export function figures(bench: Bench): View {
  const { figures } = bench.about;
  const pictures = figures.map((name) => {
    const words = name.replaceAll("_", " ");
    const src = bench.source.figure(name);
    const image = h("img", { src, alt: `Figure: ${words}`, loading: "lazy" });
    return h("figure", {}, h("figcaption", {}, words), image);
  });
  const none = h("p", {}, "This run has drawn no figures yet.");
  return {
    element: h("div", { class: "figures" }, ...(pictures.length ? pictures : [none])),
    show: () => {},
    close: () => {},
  };
}
