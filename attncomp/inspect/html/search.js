// Finding operators and layers by name, operator, parameter key or path: a field with a list of what fits.

import { kindOf } from "./kinds.js";
import { element, itemName, itemTitle } from "./text.js";

const MOST_FOUND = 40;

// What fits a query in one model, the best first: {item, rank}.
export function find(model, query, most = MOST_FOUND) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [];
  const found = [];
  const consider = (item) => {
    const [title, name, path] = [itemTitle(model, item), itemName(model, item), item.path].map((text) => text.toLowerCase());
    const whole = item.kind === "chunk" ? title : `${title} ${name} ${path}`;
    if (!words.every((word) => whole.includes(word))) return;
    const first = words[0];
    const rank = name === first || title === first || path === first ? 0 : name.startsWith(first) || title.startsWith(first) ? 1 : path.endsWith(first) ? 2 : 3;
    found.push({ item, rank: rank + (item.quiet ? 0.5 : 0) });
  };
  const walk = (item) => {
    for (const child of item.children) {
      consider(child);
      walk(child);
    }
  };
  walk(model.root);
  return found.sort((a, b) => a.rank - b.rank).slice(0, most);
}

export class Search {
  constructor(app, field, list, status) {
    Object.assign(this, { app, field, list, status, results: [], at: -1 });
    field.addEventListener("input", () => this.update());
    field.addEventListener("focus", () => this.update());
    field.addEventListener("keydown", (event) => this.key(event));
    field.addEventListener("blur", () => setTimeout(() => this.close(), 150)); // a click on a result comes first
  }

  update() {
    const order = [this.app.active, 1 - this.app.active];
    this.results = order.flatMap((side) => find(this.app.panes[side].model, this.field.value).map(({ item }) => ({ side, item }))).slice(0, MOST_FOUND);
    this.at = this.results.length ? 0 : -1;
    this.render();
  }

  render() {
    const asked = this.field.value.trim() !== "";
    this.list.replaceChildren(...this.results.map((result, index) => this.option(result, index)));
    if (asked && !this.results.length) this.list.append(element("li", { class: "muted", role: "presentation" }, "Nothing fits"));
    this.list.hidden = !asked;
    this.field.setAttribute("aria-expanded", String(asked && this.results.length > 0));
    this.status.textContent = asked ? `${this.results.length === MOST_FOUND ? "More than " : ""}${this.results.length} found` : "";
    this.point(this.at);
  }

  option({ side, item }, index) {
    const { model, title } = this.app.panes[side];
    const kind = item.place < 0 ? { sign: "▤", style: "layer" } : kindOf(this.app.data, model.nodes[item.place]);
    const name = itemName(model, item);
    return element("li", { role: "option", id: `found-${index}`, class: `kind-${kind.style}`, "aria-selected": "false", onmousedown: (event) => event.preventDefault(), onclick: () => this.jump(index) },
      element("span", { class: "dot", "aria-hidden": "true" }, kind.sign),
      element("span", { class: "words" }, element("b", {}, itemTitle(model, item)), name ? element("i", {}, ` ${name}`) : null, item.path ? element("small", {}, item.path) : null),
      element("span", { class: "where" }, title));
  }

  point(index) {
    this.at = index;
    [...this.list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === index)));
    if (index >= 0) {
      this.field.setAttribute("aria-activedescendant", `found-${index}`);
      this.list.children[index].scrollIntoView({ block: "nearest" });
    } else this.field.removeAttribute("aria-activedescendant");
  }

  close() {
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
  }

  jump(index) {
    const result = this.results[index];
    if (!result) return;
    this.close();
    const pane = this.app.panes[result.side];
    this.app.uncover(result.side);
    pane.revealItem(result.item);
    pane.focusOn(result.item.key);
  }

  key(event) {
    const count = this.results.length;
    if (event.key === "ArrowDown" && count) this.point((this.at + 1) % count);
    else if (event.key === "ArrowUp" && count) this.point((this.at + count - 1) % count);
    else if (event.key === "Enter") this.jump(this.at);
    else if (event.key === "Escape") {
      this.field.value = "";
      this.update();
    } else return;
    event.preventDefault();
  }
}
