// The parts of the panel about one item: tables of facts, links to other items, lines of the source.

import { element, itemName, itemTitle, sizeText } from "./text.js";

const AROUND = 2; // lines of the source before and after

export function section(title, ...children) {
  const held = children.flat().filter(Boolean);
  return held.length ? element("section", {}, element("h3", {}, title), ...held) : null;
}

// Rows of [name, text or element]; those without a value are left out.
export function facts(rows) {
  const held = rows.filter(([, value]) => value);
  if (!held.length) return null;
  return element("dl", {}, held.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

export function axesTable(type) {
  if (!type.axes.length) return element("p", { class: "muted" }, "One number: no axes");
  return element("table", {},
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Axis"), element("th", { scope: "col" }, "Size"))),
    element("tbody", {}, type.axes.map(([name, size]) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, sizeText(size))))));
}

// Buttons that lead to nodes; of many, the first ones.
export function nodeList(pane, places, most = 12) {
  if (!places.length) return null;
  const { model } = pane;
  const shown = places.slice(0, most).map((place) => {
    const item = model.items[place];
    const name = itemName(model, item);
    return element("li", {}, element("button", { type: "button", class: "link", onclick: () => pane.reveal(place) },
      element("b", {}, itemTitle(model, item)), name ? element("i", {}, ` ${name}`) : null, item.path ? element("small", {}, ` ${item.path}`) : null));
  });
  if (places.length > most) shown.push(element("li", { class: "muted" }, `and ${places.length - most} more`));
  return element("ul", { class: "nodes" }, shown);
}

// The lines of the source around a span, its own marked.
export function sourceLines(data, span) {
  const [file, line, column, endLine, endColumn] = span;
  const text = data.files[file];
  const place = element("p", { class: "place" }, `${file}:${line}:${column}`);
  if (text === undefined) return [place];
  const lines = text.split(/\r?\n/);
  const [first, last] = [Math.max(1, line - AROUND), Math.min(lines.length, Math.min(endLine, line + 12) + AROUND)];
  const rows = [];
  for (let number = first; number <= last; number += 1) {
    const marked = number >= line && number <= endLine;
    // Columns count characters, not the units of a JavaScript string.
    const characters = [...lines[number - 1]];
    const start = number === line ? column - 1 : 0;
    const end = number === endLine ? endColumn - 1 : characters.length;
    const cells = marked
      ? [characters.slice(0, start).join(""), element("mark", {}, characters.slice(start, end).join("")), characters.slice(end).join("")]
      : [lines[number - 1]];
    rows.push(element("div", { class: marked ? "line marked" : "line" }, element("span", { class: "number" }, String(number)), element("span", { class: "code" }, ...cells)));
  }
  return [place, element("pre", { class: "source", tabindex: "0", "aria-label": `Source, line ${line}` }, rows)];
}
