// The graph as a tree of text, beside its drawing: the same items, folded and unfolded together.

import { boxOf } from "./boxes.js";
import { isGroup } from "./model.js";
import { element, itemName, itemTitle } from "./text.js";

export class Outline {
  constructor(app, host, heading) {
    this.app = app;
    this.host = host;
    this.heading = heading;
    this.focus = "";
    host.addEventListener("click", (event) => this.click(event));
    host.addEventListener("keydown", (event) => this.key(event));
  }

  get pane() {
    return this.app.panes[this.app.active];
  }

  render() {
    const { pane } = this;
    const held = this.host.contains(document.activeElement);
    this.heading.textContent = `Outline: ${pane.title.toLowerCase()}`;
    this.host.setAttribute("aria-label", `Outline of the graph: ${pane.title.toLowerCase()}`);
    const rows = [];
    const walk = (group, level) => {
      const children = pane.model.childrenOf(group);
      children.forEach((child, index) => {
        rows.push(this.row(child, level, index + 1, children.length));
        if (child.open) walk(child, level + 1);
      });
    };
    walk(pane.model.root, 1);
    this.host.replaceChildren(...rows);
    this.rows = new Map(rows.map((row) => [row.dataset.item, row]));
    if (!this.rows.has(this.focus)) this.focus = rows.length ? rows[0].dataset.item : "";
    this.mark(pane.selected);
    if (this.rows.has(this.focus)) this.rows.get(this.focus).tabIndex = 0;
    if (held) this.move(this.focus);
  }

  row(item, level, position, size) {
    const { model } = this.pane;
    const name = itemName(model, item);
    const row = element("li", {
      role: "treeitem", class: `kind-${boxOf(this.app.data, model, item).kind.style}`, tabindex: "-1", "data-item": item.key,
      "aria-level": level, "aria-posinset": position, "aria-setsize": size, "aria-selected": "false",
      "aria-expanded": isGroup(item) ? String(item.open) : null,
    },
    element("span", { class: "twist", "aria-hidden": "true" }, isGroup(item) ? (item.open ? "▾" : "▸") : ""),
    element("span", { class: "dot", "aria-hidden": "true" }, boxOf(this.app.data, model, item).kind.sign || "▤"),
    element("span", { class: "words" }, itemTitle(model, item), name ? element("i", {}, ` ${name}`) : null),
    isGroup(item) ? element("span", { class: "number" }, item.count.toLocaleString("en")) : null);
    row.style.setProperty("--level", level);
    return row;
  }

  mark(key) {
    for (const [held, row] of this.rows) row.setAttribute("aria-selected", String(held === key));
    const row = this.rows.get(key);
    if (!row) return;
    this.point(key);
    row.scrollIntoView({ block: "nearest" });
  }

  // The row that the tab key comes to.
  point(key) {
    const old = this.rows.get(this.focus);
    if (old) old.tabIndex = -1;
    this.focus = key;
    this.rows.get(key).tabIndex = 0;
  }

  move(key) {
    if (!this.rows.has(key)) return;
    this.point(key);
    this.rows.get(key).focus();
  }

  click(event) {
    const row = event.target.closest("[role=treeitem]");
    if (!row) return;
    const item = this.pane.model.byKey.get(row.dataset.item);
    if (event.target.closest(".twist") && isGroup(item)) this.fold(item);
    else this.pane.revealItem(item);
  }

  fold(item) {
    this.focus = item.key;
    this.pane.model.toggle(item);
    this.pane.render(item.key);
    this.app.changed(this.pane.side);
  }

  key(event) {
    const keys = [...this.rows.keys()];
    const at = keys.indexOf(this.focus);
    const item = this.pane.model.byKey.get(this.focus);
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      ArrowDown: () => this.move(keys[Math.min(at + 1, keys.length - 1)]),
      ArrowUp: () => this.move(keys[Math.max(at - 1, 0)]),
      Home: () => this.move(keys[0]),
      End: () => this.move(keys[keys.length - 1]),
      ArrowRight: () => (isGroup(item) && !item.open ? this.fold(item) : isGroup(item) && this.move(keys[at + 1])),
      ArrowLeft: () => (item.open ? this.fold(item) : this.move(item.parent.key)),
      Enter: () => this.pane.revealItem(item),
      " ": () => this.pane.revealItem(item),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }
}
