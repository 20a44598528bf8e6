// The drawing of one graph as SVG: open groups as frames, everything else as boxes, arrows above the frames.

import { BAND, boxOf, HEADER, widthOf } from "./boxes.js";
import { describe } from "./describe.js";
import { drawn } from "./text.js";

// Draws into `layer`; returns by key {element, x, y, width, height}, in the coordinates of the drawing, and the arrows.
export function draw(layer, data, model, layout) {
  const shapes = new Map();
  const arrows = [];
  const [frames, lines, boxes] = [drawn("g"), drawn("g", { class: "arrows", "aria-hidden": "true" }), drawn("g")];
  const walk = (group, x, y) => {
    for (const child of group.children) {
      const at = group.at.get(child.key);
      const place = { x: x + at.x - at.width / 2, y: y + at.y - at.height / 2, width: at.width, height: at.height };
      const made = child.open ? frame(data, model, child, place) : box(data, model, child, place);
      (child.open ? frames : boxes).append(made);
      shapes.set(child.key, { element: made, item: child, ...place });
      if (child.open) walk(layout.groups.get(child), place.x, place.y);
    }
    for (const arrow of group.arrows) {
      const line = drawn("path", { class: "arrow", d: curve(arrow, x, y) });
      if (!arrow.to.startsWith("out:")) line.classList.add("headed");
      lines.append(line);
      arrows.push({ element: line, ...arrow });
    }
  };
  walk(layout.groups.get(model.root), 0, 0);
  layer.replaceChildren(frames, lines, boxes);
  return { shapes, arrows };
}

function common(data, model, item, place) {
  return drawn("g", {
    class: `item ${item.kind} kind-${boxOf(data, model, item).kind.style}`,
    transform: `translate(${place.x},${place.y})`,
    tabindex: "-1",
    role: "button",
    "data-key": item.key,
    "aria-label": describe(data, model, item),
    "aria-expanded": item.children.length ? String(item.open) : null,
    "aria-pressed": "false",
  });
}

function frame(data, model, item, place) {
  const held = boxOf(data, model, item);
  const made = common(data, model, item, place);
  made.classList.add("open");
  made.append(
    drawn("rect", { class: "ground", width: place.width, height: place.height, rx: 10 }),
    drawn("path", { class: "bar", d: `M0,${HEADER} V10 a10,10 0 0 1 10,-10 H${place.width - 10} a10,10 0 0 1 10,10 V${HEADER} Z` }),
    drawn("rect", { class: "shape", width: place.width, height: place.height, rx: 10 }),
    drawn("text", { class: "sign", x: BAND / 2, y: 20, "text-anchor": "middle" }, held.kind.sign || "▾"),
    ...titles(held, BAND + 4, 20),
    fold(place.width - 22, HEADER / 2, true),
  );
  return made;
}

function box(data, model, item, place) {
  const held = boxOf(data, model, item);
  const made = common(data, model, item, place);
  const { width, height } = place;
  if (item.children.length) {
    made.append(drawn("rect", { class: "stack", x: 5, y: 5, width, height, rx: 8 }));
  }
  made.append(
    drawn("rect", { class: "ground", width, height, rx: 8 }),
    drawn("path", { class: "band", d: `M8,0 H${BAND} V${height} H8 a8,8 0 0 1 -8,-8 V8 a8,8 0 0 1 8,-8 Z` }),
    drawn("rect", { class: "shape", width, height, rx: 8 }),
    drawn("text", { class: "sign", x: BAND / 2, y: height / 2 + 5, "text-anchor": "middle" }, held.kind.sign || "▤"),
    ...titles(held, BAND + 10, 20),
    ...held.lines.map((line, index) => drawn("text", { class: "small", x: BAND + 10, y: 37 + 17 * index }, line)),
  );
  if (item.children.length) made.append(fold(width - 20, 16, false));
  const node = item.place < 0 ? null : model.nodes[item.place];
  if (node && (node.made > 0 || node.removed > 0)) made.append(mark(width, node.removed > 0));
  return made;
}

function titles(held, x, y) {
  const made = [drawn("text", { class: "title", x, y }, held.title)];
  if (held.name) made.push(drawn("text", { class: "name", x: x + widthOf(held.title, "title") + 8, y }, held.name));
  return made;
}

function fold(x, y, open) {
  return drawn("g", { class: "fold", transform: `translate(${x},${y})` }, drawn("circle", { r: 10 }), drawn("path", { d: open ? "M-4,0 H4" : "M-4,0 H4 M0,-4 V4" }));
}

// A corner that says: made by a pass, or gone after one.
function mark(width, gone) {
  return drawn("g", { class: gone ? "mark gone" : "mark made", transform: `translate(${width - 3},3)` }, drawn("circle", { r: 7 }), drawn("path", { d: gone ? "M-3,0 H3" : "M-3,0 H3 M0,-3 V3" }));
}

// An arrow through its bends, upright at each.
function curve(arrow, x, y) {
  const points = [arrow.start, ...arrow.points, arrow.end];
  let path = `M${x + points[0].x},${y + points[0].y}`;
  for (let index = 1; index < points.length; index += 1) {
    const [a, b] = [points[index - 1], points[index]];
    const middle = (a.y + b.y) / 2;
    path += ` C${x + a.x},${y + middle} ${x + b.x},${y + middle} ${x + b.x},${y + b.y}`;
  }
  return path;
}
