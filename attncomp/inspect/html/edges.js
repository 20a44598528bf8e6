// Which arrows each open group holds.
//
// A value that is made in one group and read in another crosses their borders: it leaves by a port at the bottom of the
// one and enters by a port at the top of the other. So every group has arrows among its own children and ports alone,
// and can be laid out by itself.

// More values than this entering a group share one port: a bundle.
const MOST_PORTS = 10;

// Returns a map from each open group to {arrows, entries, exits}. An arrow has ends `from` and `to` (keys of children, or
// of ports: "in:…", "out:…") and `uses`, the pairs (value, reader) that it stands for.
export function arrowsByGroup(model) {
  const shown = model.nodes.map((_, place) => model.shownFor(place));
  const crossings = [];
  const entering = new Map();
  const leaving = new Map();
  model.nodes.forEach((node, reader) => {
    const to = shown[reader];
    if (!to || node.kind) return; // what a region reads, its body reads
    for (const value of node.in) {
      const from = shown[value];
      if (!from || from === to) continue;
      for (const step of route(from, to)) {
        crossings.push([step, value, reader]);
        if (step.enters) count(entering, step.group, value);
        if (step.leaves) count(leaving, step.group, value);
      }
    }
  });
  const groups = new Map();
  for (const [step, value, reader] of crossings) {
    if (!groups.has(step.group)) groups.set(step.group, { arrows: new Map(), entries: new Set(), exits: new Set() });
    const group = groups.get(step.group);
    const from = step.enters ? port("in", entering.get(step.group), value) : step.from.key;
    const to = step.leaves ? port("out", leaving.get(step.group), value) : step.to.key;
    if (step.enters) group.entries.add(from);
    if (step.leaves) group.exits.add(to);
    const key = `${from}>${to}`;
    if (!group.arrows.has(key)) group.arrows.set(key, { from, to, uses: [] });
    const arrow = group.arrows.get(key);
    arrow.uses.push([value, reader]);
  }
  for (const group of groups.values()) group.arrows = [...group.arrows.values()];
  return groups;
}

// The ports of a child by which the value of an arrow leaves or enters it, if that child is open.
export function portsOf(group, kind, arrow) {
  const ports = kind === "out" ? group.exits : group.entries;
  const named = arrow.uses.map(([value]) => `${kind}:${value}`).filter((key) => ports.has(key));
  if (named.length) return [...new Set(named)];
  return ports.has(`${kind}:*`) ? [`${kind}:*`] : [];
}

// The steps of a value on its way from one item to another, each within one group.
function route(from, to) {
  const steps = [];
  let [a, b] = [from, to];
  while (a.parent !== b.parent) {
    if (a.depth >= b.depth) {
      steps.push({ group: a.parent, from: a, leaves: true, to: null });
      a = a.parent;
    } else {
      steps.push({ group: b.parent, to: b, enters: true, from: null });
      b = b.parent;
    }
  }
  steps.push({ group: a.parent, from: a, to: b });
  return steps;
}

function count(table, group, value) {
  if (!table.has(group)) table.set(group, new Set());
  table.get(group).add(value);
}

function port(side, values, value) {
  return values.size > MOST_PORTS ? `${side}:*` : `${side}:${value}`;
}
