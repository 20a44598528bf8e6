// What the passes said about fusion: at the place of each remark, and all of them in a list.

import { element, sizeText } from "./text.js";

const WORDS = { fused: ["Fused", "✓"], missed: ["Not fused", "✗"], note: ["Note", "i"] };

// The remarks about one item. That about a region is at one of the operators in it.
export function remarksOf(data, model, item) {
  const said = data.remarks.filter((remark) => speaksOf(model, item, remark));
  return said.length ? element("div", { class: "remarks" }, said.map((remark) => remarkText(remark))) : null;
}

function speaksOf(model, item, remark) {
  const fits = (node) => remark.span >= 0 && node.span === remark.span && node.scope === remark.scope;
  const node = model.nodes[item.place];
  if (!node.kind) return fits(node) && node.region === undefined;
  if (remark.kind !== "fused" || remark.region !== node.kind) return false;
  return model.placesIn(item).some((place) => fits(model.nodes[place]));
}

function remarkText(remark) {
  const [word] = WORDS[remark.kind] || WORDS.note;
  return element("div", { class: `remark ${remark.kind}` },
    element("p", {}, element("b", {}, `${word}: `), remark.message),
    remark.saved ? element("p", { class: "muted" }, `Spares ${sizeText(remark.saved[0])} bytes of traffic, and ${sizeText(remark.saved[1])} bytes at the peak.`) : null,
    remark.help ? element("p", {}, element("b", {}, "Help: "), remark.help) : null);
}

// Fills the list of all remarks; each leads to its place.
export function listRemarks(app, box, host) {
  const { remarks, scopes } = app.data;
  box.hidden = remarks.length === 0;
  for (const remark of remarks) {
    const place = placeOf(app, remark);
    const [word, sign] = WORDS[remark.kind] || WORDS.note;
    host.append(element("li", { class: remark.kind },
      element("button", { type: "button", class: "link", disabled: place === null, onclick: () => app.panes[place[0]].reveal(place[1]) },
        element("span", { class: "sign", "aria-hidden": "true" }, sign), element("b", {}, `${word}: ${remark.region}`), element("small", {}, ` ${scopes[remark.scope] || "model"}`)),
      remark.kind === "missed" ? remarkText(remark) : null));
  }
}

// Where a remark is shown: [side, place], its region first.
function placeOf(app, remark) {
  for (const side of [1, 0]) {
    const { model } = app.panes[side];
    const items = model.items.filter((item) => !item.quiet && speaksOf(model, item, remark));
    const found = items.find((item) => item.kind === "region") || items[0];
    if (found) return [side, found.place];
  }
  return null;
}
