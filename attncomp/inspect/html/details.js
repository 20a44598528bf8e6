// The panel that says everything about what is selected.

import { axesTable, facts, nodeList, section, sourceLines } from "./facts.js";
import { kindOf } from "./kinds.js";
import { remarksOf } from "./remarks.js";
import { bytesText, counted, element, itemName, itemTitle, shareText, sizeText } from "./text.js";

export function showDetails(app, host, side, item) {
  if (!item) {
    host.replaceChildren(element("div", { class: "nothing" },
      element("h2", { tabindex: "-1" }, "Nothing selected"),
      element("p", {}, "Select a box to see its operator, axes, sizes and cost, the pass that made it and its line of the source.")));
    return;
  }
  const pane = app.panes[side];
  const content = item.place < 0 ? layerDetails(app, pane, item) : nodeDetails(app, pane, item);
  host.replaceChildren(...content.filter(Boolean));
  host.scrollTop = 0;
}

function heading(pane, kind, title, name) {
  return element("header", { class: `about kind-${kind.style}` },
    element("p", { class: "kind" }, element("span", { class: "chip", "aria-hidden": "true" }, kind.sign || "▤"), `${kind.word} · ${pane.title.toLowerCase()}`),
    element("h2", { tabindex: "-1" }, title, name ? element("i", {}, ` ${name}`) : null));
}

function nodeDetails(app, pane, item) {
  const { data } = app;
  const { model } = pane;
  const node = model.nodes[item.place];
  const kind = kindOf(data, node);
  const type = data.types[node.type];
  const summary = node.kind ? "" : data.operators[node.op][1];
  const readers = model.readers[outlet(model, item)].filter((place) => !model.nodes[place].kind);
  const reads = [...new Set(node.in)];
  return [
    heading(pane, kind, itemTitle(model, item), itemName(model, item)),
    summary ? element("p", { class: "summary" }, summary) : null,
    remarksOf(data, model, item),
    section("Value", facts([["Numbers", element("code", {}, type.dtype)], ["Memory", bytesText(type.bytes)]]), axesTable(type)),
    section("Cost", cost(node.cost, node.typical, model.root.typical)),
    section("History", facts(history(data, model, node))),
    node.span >= 0 ? section("Source", sourceLines(data, data.spans[node.span])) : null,
    section("Attributes", facts((node.attributes || []).map(([name, value]) => [name, element("code", {}, value)]))),
    node.kind ? section("Holds", counts(model, item)) : null,
    section("Reads", nodeList(pane, reads)),
    section("Read by", nodeList(pane, readers)),
    counterparts(app, pane, item),
  ];
}

function layerDetails(app, pane, item) {
  const { model } = pane;
  const sums = item.kind === "layer" ? model.layers[item.path] : null;
  return [
    heading(pane, { sign: "▤", word: item.kind === "chunk" ? "Run of operators" : "Layer", style: "layer" }, item.label, ""),
    item.kind === "layer" && item.path !== item.label ? element("p", { class: "place" }, item.path) : null,
    section("Holds", counts(model, item)),
    section("Cost", sums ? cost(sums, item.typical, model.root.typical) : null, sums && sums[2] ? facts([["Parameters", counted(sums[2], "number")]]) : null),
    counterparts(app, pane, item),
  ];
}

function cost(sums, typical, whole) {
  if (!sums) return null;
  const share = shareText(typical, whole);
  const bar = share ? element("meter", { min: 0, max: 1, value: typical / whole, "aria-label": "Share of the model's operations" }) : null;
  return facts([
    ["Operations", sums[0] === "0" ? "none" : sizeText(sums[0])],
    ["Share", share ? element("span", { class: "share" }, bar, `${share} of the model at typical sizes`) : null],
    ["Traffic", sums[1] === "0" ? "none: a view" : bytesText(sums[1])],
  ]);
}

function counts(model, item) {
  const found = new Map();
  for (const place of model.placesIn(item)) {
    const node = model.nodes[place];
    if (model.items[place].quiet || place === item.place) continue;
    const name = node.kind ? `${node.kind} region` : node.op;
    found.set(name, (found.get(name) || 0) + 1);
  }
  const rows = [...found].sort((a, b) => b[1] - a[1]).map(([name, count]) => [name, count.toLocaleString("en")]);
  return facts(rows);
}

function history(data, model, node) {
  const step = (index) => (index === 0 ? "the model file" : data.steps[index]);
  const region = node.region === undefined ? null : model.nodes[node.region];
  return [
    ["Made by", region ? `moved into the region by ${step(region.made)}` : node.made >= 0 && step(node.made)],
    ["Changed by", (node.changed || []).map(step).join(", ")],
    ["Taken by", node.removed > 0 ? step(node.removed) : ""],
    ["Layer", data.scopes[node.scope]],
  ];
}

function counterparts(app, pane, item) {
  const side = 1 - pane.side;
  const other = app.panes[side];
  const places = app.links.all(pane.side, item.place < 0 || item.kind === "region" ? pane.model.placesIn(item) : [item.place]).filter((place) => !other.model.items[place].quiet);
  const list = nodeList(other, places, 8);
  const none = element("p", { class: "muted" }, side === 0 ? "Nothing: a pass made it." : "Nothing: it is no longer needed.");
  return section(other.title, list || none);
}

// Where the value of an item is made: for a region in its body.
function outlet(model, item) {
  if (item.kind !== "region") return item.place;
  const inside = new Set(model.placesIn(item));
  const made = [...inside].filter((place) => model.readers[place].some((reader) => !inside.has(reader)));
  return made.length ? made[0] : item.place;
}
