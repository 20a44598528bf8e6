// Making elements and sentences. Text from a model only ever becomes a text node: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

// element("button", { class: "link", onclick: act }, "Fit"): attributes, listeners and children; null leaves out.
export function element(tag, attributes = {}, ...children) {
  return build(document.createElement(tag), attributes, children);
}

export function drawn(tag, attributes = {}, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

function build(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

// `589824 * batch * seq` as `589,824 × batch × seq`.
export function sizeText(text) {
  return text.replace(/ \* /g, " × ").replace(/\d{5,}/g, (digits) => BigInt(digits).toLocaleString("en"));
}

const UNITS = [["G", 2 ** 30], ["M", 2 ** 20], ["k", 2 ** 10]];

// A number of bytes is easier to read with its unit; a formula stays as it is.
export function bytesText(text) {
  if (!/^\d+$/.test(text)) return `${sizeText(text)} bytes`;
  const [unit, factor] = UNITS.find(([, size]) => Number(text) >= size) || ["", 1];
  return unit ? `${(Number(text) / factor).toFixed(1)} ${unit === "k" ? "K" : unit}iB` : `${text} bytes`;
}

export function counted(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

export function shareText(part, whole) {
  if (!(whole > 0) || !(part > 0)) return "";
  const percent = (100 * part) / whole;
  return percent < 0.1 ? "< 0.1 %" : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

// What an item is called where there is one line for it.
export function itemTitle(model, item) {
  if (item.place < 0) return item.label || "model";
  const node = model.nodes[item.place];
  if (node.kind) return `${node.kind} region`;
  return node.op;
}

export function itemName(model, item) {
  if (item.place < 0) return "";
  const node = model.nodes[item.place];
  return node.name || node.key || "";
}
