// What the colours and signs mean: those that occur in the model.

import { kindOf } from "./kinds.js";
import { element } from "./text.js";

export function fillLegend(host, data) {
  const kinds = new Map();
  for (const graph of data.graphs) {
    for (const node of graph.nodes) {
      const kind = kindOf(data, node);
      kinds.set(kind.style, kind.style === "quiet" ? { ...kind, word: "Parameter or constant" } : kind);
    }
  }
  const row = (kind) => element("li", { class: `kind-${kind.style}` }, element("span", { class: "chip", "aria-hidden": "true" }, kind.sign), kind.word);
  const regionsFirst = [...kinds.values()].sort((a, b) => b.style.startsWith("region") - a.style.startsWith("region"));
  host.append(...regionsFirst.map(row),
    element("li", {}, element("span", { class: "chip made", "aria-hidden": "true" }, "+"), "Made by a pass"),
    element("li", {}, element("span", { class: "chip gone", "aria-hidden": "true" }, "−"), "Taken by a pass"));
}
