// Where everything goes: dagre lays out each open group by itself, the innermost first.
//
// A group is a box in the layout of the group around it. Layers that look the same have the same layout, which is worked
// out once: the twelve layers of a transformer cost one.

import { arrowsByGroup, portsOf } from "./edges.js";
import { boxOf, HEADER } from "./boxes.js";

const PADDING = 18;
const PORT = 10;
// Ports hang on invisible ends so firmly that they come to lie in the first and the last row.
const FIRM = 1000;

export class Layout {
  constructor(data, model) {
    this.data = data;
    this.model = model;
    this.known = new Map();
  }

  // Returns {groups, width, height}: for each open group its size, the centres of its children and ports, its arrows.
  run() {
    const arrows = arrowsByGroup(this.model);
    const groups = new Map();
    const root = this.group(this.model.root, arrows, groups);
    return { groups, width: root.width, height: root.height };
  }

  group(item, arrows, groups) {
    const held = arrows.get(item) || { arrows: [], entries: new Set(), exits: new Set() };
    const children = this.model.childrenOf(item).map((child) => {
      if (!child.open) return { child, box: boxOf(this.data, this.model, child) };
      const inner = this.group(child, arrows, groups);
      return { child, box: { width: inner.width, height: inner.height } };
    });
    const place = this.place(children, held);
    const top = item.parent ? HEADER : 0;
    const label = item.parent ? boxOf(this.data, this.model, item).header : 0;
    const width = Math.max(place.width + 2 * PADDING, label);
    const shift = (width - place.width) / 2;
    const at = new Map();
    const name = [...children.map(({ child }) => child.key), ...held.entries, ...held.exits];
    name.forEach((key, index) => {
      const [x, y] = place.centres[index];
      at.set(key, { x: x + shift, y: y + top + PADDING, ...(index < children.length ? children[index].box : { width: 0, height: 0 }) });
    });
    const height = place.height + top + 2 * PADDING;
    const laid = { item, width, height, at, children: children.map(({ child }) => child), entries: held.entries, exits: held.exits };
    laid.arrows = held.arrows.map((arrow, index) => ({
      ...arrow,
      points: place.bends[index].map(([x, y]) => ({ x: x + shift, y: y + top + PADDING })),
    }));
    groups.set(item, laid);
    for (const key of held.entries) at.get(key).y = item.parent ? HEADER : 0;
    for (const key of held.exits) at.get(key).y = height;
    this.join(laid, groups);
    return laid;
  }

  // Arrows to and from an open child end at its ports; the others share out the border of the box.
  join(laid, groups) {
    const joined = [];
    for (const arrow of laid.arrows) {
      const [from, to] = [this.model.byKey.get(arrow.from), this.model.byKey.get(arrow.to)];
      const starts = from && from.open ? this.ends(laid, groups.get(from), "out", arrow) : [null];
      const ends = to && to.open ? this.ends(laid, groups.get(to), "in", arrow) : [null];
      for (const start of starts) {
        for (const end of ends) {
          if (start && end && start.key.slice(4) !== end.key.slice(3) && !start.key.endsWith("*") && !end.key.endsWith("*")) continue;
          const value = [start, end].map((port) => port && port.key.replace(/^\w+:/, "")).find((name) => name && name !== "*");
          const uses = value ? arrow.uses.filter(([used]) => String(used) === value) : arrow.uses;
          joined.push({ ...arrow, uses, start, end });
        }
      }
    }
    laid.arrows = joined;
    spread(laid, "from", "start", 1);
    spread(laid, "to", "end", -1);
  }

  ends(laid, inner, kind, arrow) {
    const box = laid.at.get(inner.item.key);
    const ports = portsOf(inner, kind, arrow);
    return ports.map((key) => ({
      key,
      x: box.x - box.width / 2 + inner.at.get(key).x,
      y: box.y + (kind === "out" ? box.height / 2 : -box.height / 2),
    }));
  }

  // The layout of boxes and arrows, by number: {width, height, centres, bends}.
  place(children, held) {
    const names = new Map(children.map(({ child }, index) => [child.key, index]));
    for (const key of [...held.entries, ...held.exits]) names.set(key, names.size);
    const sizes = children.map(({ box }) => [Math.round(box.width), Math.round(box.height)]);
    const ends = held.arrows.map((arrow) => [names.get(arrow.from), names.get(arrow.to)]);
    const signature = JSON.stringify([sizes, ends, held.entries.size, held.exits.size]);
    if (!this.known.has(signature)) this.known.set(signature, solve(sizes, ends, held.entries.size, held.exits.size));
    return this.known.get(signature);
  }
}

function solve(sizes, ends, entries, exits) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 28, ranksep: 38, edgesep: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  sizes.forEach(([width, height], index) => graph.setNode(String(index), { width, height }));
  const [top, bottom] = ["top", "bottom"];
  for (let index = 0; index < entries; index += 1) {
    const name = String(sizes.length + index);
    graph.setNode(name, { width: PORT, height: 1 });
    graph.setNode(top, { width: 1, height: 1 });
    graph.setEdge(top, name, { weight: FIRM });
  }
  for (let index = 0; index < exits; index += 1) {
    const name = String(sizes.length + entries + index);
    graph.setNode(name, { width: PORT, height: 1 });
    graph.setNode(bottom, { width: 1, height: 1 });
    graph.setEdge(name, bottom, { weight: FIRM });
  }
  for (const [from, to] of ends) graph.setEdge(String(from), String(to), { weight: 1 });
  dagre.layout(graph);
  return trimmed(graph, sizes, ends, entries + exits);
}

// Numbers without the rows of the invisible ends, from 0.
function trimmed(graph, sizes, ends, ports) {
  const centres = [];
  for (let index = 0; index < sizes.length + ports; index += 1) {
    const { x, y } = graph.node(String(index));
    centres.push([x, y]);
  }
  const bends = ends.map(([from, to]) => {
    const points = graph.edge(String(from), String(to)).points.slice(1, -1);
    if (points.length === 1) return []; // from one row to the next nothing stands in the way
    return points.map(({ x, y }) => [x, y]);
  });
  const boxes = sizes.length ? sizes.map(([width, height], index) => ({ width, height, x: centres[index][0], y: centres[index][1] })) : [{ width: 0, height: 0, x: 0, y: 0 }];
  const xs = [...centres.map(([x]) => x), ...bends.flat().map(([x]) => x)];
  const left = Math.min(...xs, ...boxes.map((box) => box.x - box.width / 2));
  const right = Math.max(...xs, ...boxes.map((box) => box.x + box.width / 2));
  const [topmost, lowest] = [Math.min(...boxes.map((box) => box.y - box.height / 2)), Math.max(...boxes.map((box) => box.y + box.height / 2))];
  const moved = ([x, y]) => [x - left, y - topmost];
  return { width: right - left, height: lowest - topmost, centres: centres.map(moved), bends: bends.map((points) => points.map(moved)) };
}

// Arrows at one side of a box stand apart, in the order of where they come from.
function spread(laid, side, port, direction) {
  const byBox = new Map();
  for (const arrow of laid.arrows) {
    const box = laid.at.get(arrow[side]);
    if (arrow[port]) continue;
    if (!byBox.has(arrow[side])) byBox.set(arrow[side], []);
    byBox.get(arrow[side]).push({ arrow, box });
  }
  for (const held of byBox.values()) {
    const far = ({ arrow }) => nearest(laid, arrow, side);
    held.sort((a, b) => far(a) - far(b));
    held.forEach(({ arrow, box }, index) => {
      const gap = Math.min(18, Math.max(0, box.width - 40) / Math.max(1, held.length - 1));
      const x = box.x + (index - (held.length - 1) / 2) * gap;
      arrow[port] = { key: "", x, y: box.y + (direction * box.height) / 2 };
    });
  }
}

// Where an arrow goes next, seen from its end at `side`.
function nearest(laid, arrow, side) {
  if (arrow.points.length) return arrow.points[side === "from" ? 0 : arrow.points.length - 1].x;
  const other = side === "from" ? "to" : "from";
  const port = side === "from" ? arrow.end : arrow.start;
  return port ? port.x : laid.at.get(arrow[other]).x;
}
