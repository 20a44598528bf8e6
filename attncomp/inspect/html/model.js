// The tree of what can be seen: layers, regions and operators, and which of them are folded.
//
// An item is a leaf (an operator), a layer, a region, or a chunk: a run of operators that no layer holds together. Only
// what is not folded away is ever laid out or drawn, and no group has more than MOST children, so a graph of any size
// costs what is open of it.

export const MOST = 80;
const CHUNK = 20;

// Values that are there before anything is computed. They are named in the box of their reader, and drawn on demand.
const QUIET = new Set(["parameter", "constant", "size"]);

export class Model {
  constructor(data, graph) {
    this.nodes = graph.nodes;
    this.layers = graph.layers;
    this.scopes = data.scopes;
    this.showsQuiet = false;
    this.readers = readersOf(this.nodes);
    this.items = []; // the item of each node
    this.byKey = new Map();
    this.root = this.make("layer", "", { path: "" });
    this.root.open = true;
    this.grow();
    simplify(this.root);
    this.split(this.root);
    this.finish(this.root, 0);
  }

  make(kind, label, more = {}) {
    const item = { key: "", kind, label, path: "", place: -1, parent: null, children: [], open: false, quiet: false, depth: 0, ...more };
    item.key = item.place < 0 ? `${kind}:${item.path}` : `node:${item.place}`;
    this.byKey.set(item.key, item);
    return item;
  }

  // Puts every node into the layer of its path, or into its region.
  grow() {
    const layers = new Map([["", this.root]]);
    const quiet = [];
    this.nodes.forEach((node, place) => {
      const path = this.scopes[node.scope];
      const item = this.make(node.kind ? "region" : "leaf", node.op, { place, path });
      this.items.push(item);
      item.quiet = QUIET.has(node.op);
      if (item.quiet) quiet.push(item);
      else adopt(node.region === undefined ? this.layer(layers, path) : this.items[node.region], item);
    });
    // A weight stands beside its first reader, outside of the region that the reader may be in.
    for (const item of quiet) {
      const reader = this.readers[item.place][0];
      let beside = reader === undefined ? null : this.items[reader];
      const region = this.nodes[item.place].region;
      while (beside && beside.parent && beside.parent.kind === "region" && beside.parent.place !== region) beside = beside.parent;
      adopt(beside && beside.parent ? beside.parent : this.layer(layers, item.path), item);
    }
  }

  layer(layers, path) {
    if (!layers.has(path)) {
      const parts = layerParts(path);
      const above = parts.slice(0, -1).join(".");
      const item = this.make("layer", parts[parts.length - 1], { path });
      layers.set(path, item);
      adopt(this.layer(layers, above), item);
    }
    return layers.get(path);
  }

  // Splits what has too many children into runs of them, and those again.
  split(group) {
    const loud = group.children.filter((child) => !child.quiet);
    if (loud.length > MOST) {
      const size = Math.max(CHUNK, Math.ceil(loud.length / MOST));
      const runs = [];
      const runOf = new Map();
      for (let start = 0; start < loud.length; start += size) {
        const members = loud.slice(start, start + size);
        const run = this.make("chunk", "", { path: `${group.key}/${start}` });
        run.range = [start + 1, start + members.length];
        for (const member of members) {
          runOf.set(member, run);
          adopt(run, member);
        }
        runs.push(run);
      }
      for (const child of group.children) {
        if (!child.quiet) continue;
        const reader = this.readers[child.place].map((place) => childOf(this.items[place], runOf)).find(Boolean);
        adopt(reader ? runOf.get(reader) : runs[0], child);
      }
      group.children = runs;
      for (const run of runs) run.parent = group;
    }
    for (const child of group.children) this.split(child);
  }

  // Depths and counts, from the root down and back up.
  finish(item, depth) {
    item.depth = depth;
    item.count = 0;
    item.typical = item.place < 0 ? 0 : this.nodes[item.place].typical || 0;
    item.regions = new Map();
    for (const child of item.children) {
      this.finish(child, depth + 1);
      if (!child.quiet) item.count += isGroup(child) ? child.count : 1;
      if (item.kind !== "region") item.typical += child.typical;
      for (const [kind, count] of child.regions) item.regions.set(kind, (item.regions.get(kind) || 0) + count);
    }
    if (item.kind === "region") item.regions.set(this.nodes[item.place].kind, 1);
    if (item.kind === "chunk") item.label = `operators ${item.range[0]}–${item.range[1]}`;
  }

  // --- what is visible --------------------------------------------------------------------------------------------

  childrenOf(item) {
    return this.showsQuiet ? item.children : item.children.filter((child) => !child.quiet);
  }

  visible() {
    const found = [];
    const walk = (item) => {
      for (const child of this.childrenOf(item)) {
        found.push(child);
        if (child.open) walk(child);
      }
    };
    walk(this.root);
    return found;
  }

  // What stands in a box is worked out once, and anew when what is shown besides changes.
  forgetBoxes() {
    for (const item of this.byKey.values()) item.box = null;
  }

  // The item that stands for a node in the drawing: itself, or the outermost folded group around it; null if hidden.
  shownFor(place) {
    const own = this.items[place];
    if (own.quiet && !this.showsQuiet) return null;
    let shown = own.kind === "region" && own.open ? null : own;
    for (let item = own.parent; item; item = item.parent) if (!item.open) shown = item;
    return shown || own;
  }

  // The places of all nodes in an item, its own included.
  placesIn(item) {
    const found = [];
    const waiting = [item];
    while (waiting.length) {
      const next = waiting.pop();
      if (next.place >= 0) found.push(next.place);
      waiting.push(...next.children);
    }
    return found;
  }

  // --- folding ----------------------------------------------------------------------------------------------------

  toggle(item) {
    if (isGroup(item)) item.open = !item.open;
  }

  reveal(item) {
    if (item.quiet) this.showsQuiet = true;
    for (let group = item.parent; group; group = group.parent) group.open = true;
  }

  // Unfolds what hides the given places; returns whether anything did.
  revealAll(places) {
    const hidden = places.map((place) => this.items[place]).filter((item) => !item.quiet && this.shownFor(item.place) !== item);
    for (const item of hidden) this.reveal(item);
    return hidden.length > 0;
  }

  foldAll() {
    for (const item of this.byKey.values()) item.open = item === this.root;
  }

  // Unfolds level by level, each level whole, as long as no more than `most` items are then visible; regions only if told.
  // Returns whether everything is unfolded.
  unfold(most, regionsToo) {
    let level = [this.root];
    let visible = this.visible().length;
    while (level.length) {
      const folded = level.filter((item) => !item.open);
      const added = folded.reduce((sum, item) => sum + this.childrenOf(item).length, 0);
      if (visible + added > most) return false;
      for (const item of folded) item.open = true;
      visible += added;
      level = level.flatMap((item) => this.childrenOf(item)).filter((item) => isGroup(item) && (regionsToo || item.kind !== "region"));
    }
    return true;
  }
}

export function isGroup(item) {
  return item.children.length > 0;
}

// `encoder.layer.3.attention` as encoder, layer.3, attention: a number belongs to the name before it.
export function layerParts(path) {
  const parts = [];
  for (const part of path.split(".").filter(Boolean)) {
    if (/^\d+$/.test(part) && parts.length) parts[parts.length - 1] += `.${part}`;
    else parts.push(part);
  }
  return parts;
}

function adopt(parent, child) {
  child.parent = parent;
  parent.children.push(child);
}

function childOf(item, known) {
  for (let at = item; at; at = at.parent) if (known.has(at)) return at;
  return null;
}

function readersOf(nodes) {
  const readers = nodes.map(() => []);
  nodes.forEach((node, place) => {
    for (const operand of new Set(node.in)) readers[operand].push(place);
  });
  return readers;
}

// A layer of one operator is no group, and a layer of one layer is one with it.
function simplify(group) {
  for (const child of [...group.children]) simplify(child);
  group.children = group.children.flatMap((child) => {
    const loud = child.children.filter((inner) => !inner.quiet);
    if (child.kind !== "layer" || (loud.length > 1 || (loud.length === 1 && loud[0].kind === "layer"))) return [child];
    for (const inner of child.children) inner.parent = group;
    return child.children;
  });
  const loud = group.children.filter((child) => !child.quiet);
  if (group.parent && group.kind === "layer" && loud.length === 1 && loud[0].kind === "layer") {
    const only = loud[0];
    group.label = `${group.label}.${only.label}`;
    group.path = only.path;
    group.children = [...group.children.filter((child) => child !== only), ...only.children];
    for (const child of group.children) child.parent = group;
  }
}
