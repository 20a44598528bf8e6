// One graph on the screen: its heading and buttons, its drawing, and what is marked in it.

import { draw } from "./draw.js";
import { Layout } from "./layout.js";
import { isGroup } from "./model.js";
import { counted, drawn, element } from "./text.js";
import { Viewport } from "./viewport.js";

const FIRST_VIEW = 44;
export const MOST_DRAWN = 1500;

export class Pane {
  constructor(app, side, model, title) {
    this.app = app;
    this.side = side;
    this.model = model;
    this.title = title;
    this.layout = new Layout(app.data, model);
    this.focus = ""; // the key of the item that the keyboard is at
    this.selected = "";
    this.linked = new Set();
    model.unfold(FIRST_VIEW, false);
    this.build();
  }

  build() {
    this.layer = drawn("g", { class: "layer" });
    this.svg = drawn("svg", {
      class: "canvas",
      role: "group",
      "aria-label": `${this.title}, drawn. Arrow keys follow the arrows of the graph, Enter folds and unfolds.`,
    }, this.layer);
    this.level = element("span", { class: "zoom-level", title: "Zoom" });
    this.viewport = new Viewport(this.svg, this.layer, (scale) => { this.level.textContent = `${Math.round(scale * 100)} %`; });
    const button = (label, text, act) => element("button", { type: "button", "aria-label": `${label}: ${this.title}`, title: label, onclick: act }, text);
    this.count = element("p", { class: "count" });
    this.element = element("section", { class: "pane", "aria-label": this.title, "data-side": this.side },
      element("header", { class: "pane-head" },
        element("h2", {}, this.title),
        element("div", { class: "tools", role: "toolbar", "aria-label": `View of ${this.title}` },
          button("Unfold all", "Unfold", () => this.unfoldAll()),
          button("Fold all", "Fold", () => this.foldAll()),
          button("Zoom out", "−", () => this.viewport.zoom(1 / 1.25)),
          this.level,
          button("Zoom in", "+", () => this.viewport.zoom(1.25)),
          button("Fit", "Fit", () => this.fit())),
        this.count),
      this.svg);
    this.svg.addEventListener("click", (event) => this.click(event));
    this.svg.addEventListener("dblclick", (event) => {
      const item = this.itemAt(event.target);
      if (item && isGroup(item) && !event.target.closest(".fold")) this.toggle(item);
    });
    this.svg.addEventListener("focusin", (event) => {
      const item = this.itemAt(event.target);
      if (item) this.moveFocus(item.key);
      this.app.activate(this.side);
    });
  }

  itemAt(target) {
    const held = target.closest("[data-key]");
    return held ? this.model.byKey.get(held.getAttribute("data-key")) : null;
  }

  click(event) {
    if (this.viewport.moved) return; // the end of a drag
    const item = this.itemAt(event.target);
    this.app.activate(this.side);
    if (!item) this.app.select(this.side, null);
    else if (event.target.closest(".fold")) this.toggle(item);
    else this.app.select(this.side, item);
  }

  // --- folding ----------------------------------------------------------------------------------------------------

  toggle(item) {
    this.model.toggle(item);
    this.render(item.key);
    this.focusOn(item.key);
    this.app.say(`${item.label} ${item.open ? "unfolded" : "folded"}`);
    this.app.changed(this.side);
  }

  unfoldAll() {
    const whole = this.model.unfold(MOST_DRAWN, true);
    this.render();
    this.fit();
    this.app.say(whole ? "Everything is unfolded" : `Unfolded as far as ${`${MOST_DRAWN.toLocaleString("en")} boxes`} allow`);
    this.app.changed(this.side);
  }

  foldAll() {
    this.model.foldAll();
    this.render();
    this.fit();
    this.app.say("Everything is folded");
    this.app.changed(this.side);
  }

  // --- drawing ----------------------------------------------------------------------------------------------------

  // Lays out and draws what is visible; the item `anchor` keeps its place on the screen.
  render(anchor = "") {
    const before = anchor && this.shapes ? this.shapes.get(anchor) : null;
    this.laid = this.layout.run();
    const { shapes, arrows } = draw(this.layer, this.app.data, this.model, this.laid);
    this.shapes = shapes;
    this.arrows = arrows;
    const after = anchor ? shapes.get(anchor) : null;
    const { viewport } = this;
    if (before && after) viewport.set(viewport.x + (before.x - after.x) * viewport.scale, viewport.y + (before.y - after.y) * viewport.scale, viewport.scale);
    const { root } = this.model;
    const regions = [...root.regions].map(([kind, count]) => counted(count, `${kind} region`));
    this.count.textContent = [counted(root.count, "operator"), ...regions].join(" · ");
    if (!shapes.has(this.focus)) this.focus = shapes.size ? shapes.keys().next().value : "";
    this.moveFocus(this.focus);
    this.mark();
  }

  fit() {
    this.viewport.fit(this.laid.width, this.laid.height);
  }

  // --- marking ----------------------------------------------------------------------------------------------------

  // Shows what is selected here, and the places `linked` that belong to the selection in the other graph.
  mark(selected = this.selected, linked = this.linked) {
    this.selected = selected;
    this.linked = linked;
    const near = new Set([...linked].map((place) => this.model.shownFor(place)).filter(Boolean).map((item) => item.key));
    for (const [key, shape] of this.shapes) {
      shape.element.classList.toggle("selected", key === selected);
      shape.element.classList.toggle("linked", near.has(key));
      shape.element.setAttribute("aria-pressed", String(key === selected));
    }
    const item = this.model.byKey.get(selected);
    const inside = new Set(item ? this.model.placesIn(item) : []);
    for (const arrow of this.arrows) {
      const [reads, feeds] = [arrow.uses.some(([, reader]) => inside.has(reader)), arrow.uses.some(([value]) => inside.has(value))];
      arrow.element.classList.toggle("reads", reads && !feeds);
      arrow.element.classList.toggle("feeds", feeds && !reads);
    }
    this.element.classList.toggle("has-selection", inside.size > 0);
    return [...near];
  }

  showLinked(keys) {
    const boxes = keys.map((key) => this.shapes.get(key)).filter(Boolean);
    if (boxes.length) this.viewport.show(around(boxes));
  }

  // Unfolds what hides an item, brings it into view and selects it.
  reveal(place) {
    const item = this.model.items[place];
    this.revealItem(item);
  }

  revealItem(item) {
    if (item.quiet && !this.model.showsQuiet) this.app.showQuiet(true);
    if (!this.shapes.has(item.key)) {
      this.model.reveal(item);
      this.render();
      this.app.changed(this.side);
    }
    this.app.activate(this.side);
    this.app.select(this.side, item);
    this.moveFocus(item.key);
    const shape = this.shapes.get(item.key);
    if (shape) this.viewport.show(shape);
  }

  // --- the keyboard -----------------------------------------------------------------------------------------------

  moveFocus(key) {
    const old = this.shapes.get(this.focus);
    if (old) old.element.setAttribute("tabindex", "-1");
    this.focus = key;
    const now = this.shapes.get(key);
    if (now) now.element.setAttribute("tabindex", "0");
  }

  focusOn(key) {
    const shape = this.shapes.get(key);
    if (!shape) return;
    this.moveFocus(key);
    shape.element.focus({ preventScroll: true });
    this.viewport.show(shape.item.open ? { ...shape, height: 30 } : shape);
  }
}

function around(boxes) {
  const left = Math.min(...boxes.map((box) => box.x));
  const top = Math.min(...boxes.map((box) => box.y));
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  return { x: left, y: top, width: right - left, height: bottom - top };
}
