// The page: reads its data, makes the two panes and the panels, and carries a selection from one to the other.

import { showDetails } from "./details.js";
import { bindKeys } from "./keys.js";
import { fillLegend } from "./legend.js";
import { Links } from "./links.js";
import { Model } from "./model.js";
import { Outline } from "./outline.js";
import { Pane } from "./pane.js";
import { listRemarks } from "./remarks.js";
import { Search } from "./search.js";

const byId = (id) => document.getElementById(id);

class App {
  constructor(data) {
    this.data = data;
    this.active = 1;
    this.links = new Links(data.graphs);
    const titles = ["As built", data.after];
    byId("after").textContent = data.after;
    this.panes = data.graphs.map((graph, side) => new Pane(this, side, new Model(data, graph), titles[side]));
    byId("panes").append(...this.panes.map((pane) => pane.element));
    this.outline = new Outline(this, byId("outline"), byId("outline-title"));
    this.search = new Search(this, byId("search"), byId("found"), byId("found-count"));
    for (const pane of this.panes) bindKeys(this, pane);
    this.fillHeader();
    fillLegend(byId("legend"), data);
    listRemarks(this, byId("remarks-box"), byId("remarks"));
    this.listen();
  }

  start() {
    for (const pane of this.panes) {
      pane.render();
      pane.viewport.start(pane.laid.width, pane.laid.height);
    }
    this.activate(1);
    this.outline.render();
    this.select(1, null);
  }

  fillHeader() {
    const { model, title, symbols, steps } = this.data;
    byId("model").textContent = model;
    byId("file").textContent = title;
    const bound = symbols.map((name) => (name in this.data.sizes ? `${name} = ${this.data.sizes[name]}` : name));
    byId("facts").textContent = [symbols.length ? `sizes bound at each call: ${bound.join(", ")}` : "all sizes known", `${steps.length - 1} passes`].join(" · ");
  }

  listen() {
    for (const choice of document.querySelectorAll("input[name=view]")) choice.addEventListener("change", () => this.view(choice.value));
    byId("quiet").addEventListener("change", (event) => this.showQuiet(event.target.checked));
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, textarea");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      byId("search").focus();
    });
  }

  // Which panes are seen: "both", "0" or "1".
  view(shown) {
    this.panes.forEach((pane, side) => { pane.element.hidden = shown !== "both" && shown !== String(side); });
    byId("panes").dataset.view = shown;
    if (shown !== "both") this.activate(Number(shown));
    for (const pane of this.panes) {
      if (!pane.element.hidden) pane.viewport.start(pane.laid.width, pane.laid.height);
    }
  }

  // Makes sure that a pane is seen.
  uncover(side) {
    if (!this.panes[side].element.hidden) return;
    document.querySelector("input[name=view][value=both]").checked = true;
    this.view("both");
  }

  showQuiet(shown) {
    byId("quiet").checked = shown;
    for (const pane of this.panes) {
      pane.model.showsQuiet = shown;
      pane.model.forgetBoxes();
      pane.render();
    }
    this.outline.render();
  }

  activate(side) {
    if (this.active === side && this.panes[side].element.classList.contains("active")) return;
    this.active = side;
    for (const pane of this.panes) pane.element.classList.toggle("active", pane.side === side);
    if (this.outline.rows) this.outline.render();
  }

  changed(side) {
    if (side === this.active) this.outline.render();
  }

  select(side, item) {
    const [pane, other] = [this.panes[side], this.panes[1 - side]];
    const places = item ? (item.kind === "leaf" ? [item.place] : pane.model.placesIn(item)) : [];
    pane.mark(item ? item.key : "", new Set());
    const linked = this.links.all(side, places);
    // What a region was made of is worth unfolding.
    if (item && item.kind === "region" && other.model.revealAll(linked)) other.render();
    const near = other.mark("", new Set(linked));
    other.showLinked(near);
    showDetails(this, byId("details"), side, item);
    if (side === this.active) this.outline.mark(item ? item.key : "");
  }

  readDetails(side, item) {
    this.select(side, item);
    byId("details").querySelector("h2").focus();
  }

  // For screen readers.
  say(text) {
    byId("live").textContent = text;
  }
}

const app = new App(JSON.parse(byId("data").textContent));
app.start();
document.documentElement.dataset.ready = "true";
