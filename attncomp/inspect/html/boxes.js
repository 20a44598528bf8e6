// What stands in the box of an item, and how large the box is.

import { kindOf, regionKind } from "./kinds.js";
import { counted, itemName, itemTitle } from "./text.js";

export const HEADER = 30;
export const BAND = 28; // the coloured strip with the sign
const WIDEST = 320;
const LINE = 17;
const FONTS = {
  title: "600 13px system-ui, sans-serif",
  name: "italic 13px system-ui, sans-serif",
  small: "11px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
};

const measured = new Map();
let canvas = null;

// {title, name, lines, kind, width, height, header}; every text is cut to what fits.
export function boxOf(data, model, item) {
  if (item.box) return item.box;
  const title = cut(itemTitle(model, item), "title", WIDEST - BAND - 60);
  const nameSpace = WIDEST - BAND - 66 - widthOf(title, "title");
  const name = nameSpace > 24 ? cut(itemName(model, item), "name", nameSpace) : "";
  const lines = (item.children.length ? groupLines(data, model, item) : leafLines(data, model, item)).map((line) => cut(line, "small", WIDEST - BAND - 20));
  const fold = item.children.length ? 36 : 0;
  const first = widthOf(title, "title") + (name ? widthOf(name, "name") + 8 : 0) + fold;
  const width = Math.max(90, BAND + 20 + Math.max(first, ...lines.map((line) => widthOf(line, "small"))));
  const kind = item.place < 0 ? { sign: "", word: item.kind === "chunk" ? "Run of operators" : "Layer", style: "layer" } : kindOf(data, model.nodes[item.place]);
  item.box = { title, name, lines, kind, width, height: 14 + LINE * (1 + lines.length), header: BAND + 60 + first };
  return item.box;
}

function leafLines(data, model, item) {
  const node = model.nodes[item.place];
  const lines = [data.types[node.type].text];
  const held = node.in.map((place) => model.nodes[place]).filter((operand) => operand.op === "parameter" || operand.op === "constant");
  if (held.length && !model.showsQuiet) lines.push(held.map((operand) => quietText(operand, item.path)).join(", "));
  return lines;
}

function groupLines(data, model, item) {
  const lines = [counted(item.count, "operator")];
  if (item.kind === "region") lines.unshift(data.types[model.nodes[item.place].type].text);
  else {
    for (const [kind, count] of item.regions) lines.push(`${regionKind(kind).sign} ${counted(count, `${kind} region`)}`);
  }
  return lines;
}

function quietText(node, path) {
  if (node.op === "constant") {
    const value = (node.attributes || []).find(([name]) => name === "value");
    return value ? value[1].replace(/^\w+ /, "") : "constant";
  }
  const near = path && node.key.startsWith(`${path}.`) ? node.key.slice(path.length + 1) : node.key;
  return `◆ ${near}`;
}

export function widthOf(text, style) {
  const key = `${style}|${text}`;
  if (!measured.has(key)) {
    canvas = canvas || document.createElement("canvas").getContext("2d");
    canvas.font = FONTS[style];
    measured.set(key, canvas.measureText(text).width);
  }
  return measured.get(key);
}

// The text, or as much of its beginning as fits with an ellipsis.
export function cut(text, style, width) {
  if (text.length > 200) text = text.slice(0, 200);
  if (widthOf(text, style) <= width) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (widthOf(`${text.slice(0, middle)}…`, style) <= width) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…`;
}
