// What a node of one graph is in the other: the same node, or those that come from the same place of the source.

export class Links {
  constructor(graphs) {
    this.tables = graphs.map((graph) => {
      const byIdentity = new Map();
      const byOrigin = new Map();
      graph.nodes.forEach((node, place) => {
        if (node.id >= 0 && node.region === undefined) byIdentity.set(node.id, place);
        for (const key of origins(node)) {
          if (!byOrigin.has(key)) byOrigin.set(key, []);
          byOrigin.get(key).push(place);
        }
      });
      return { nodes: graph.nodes, byIdentity, byOrigin };
    });
  }

  // The places in the other graph for one place in graph `side`; the body of a region is asked for by its own places.
  counterparts(side, place) {
    const [own, other] = [this.tables[side], this.tables[1 - side]];
    const node = own.nodes[place];
    const same = node.region === undefined ? other.byIdentity.get(node.id) : undefined;
    if (node.op === "result") return other.nodes.flatMap((far, at) => (far.op === "result" && far.name === node.name ? [at] : []));
    // A region has the number of the operator whose value it gives: that one was fused, not kept.
    if (same !== undefined && other.nodes[same].op === node.op) return [same];
    for (const key of origins(node)) if (other.byOrigin.has(key)) return other.byOrigin.get(key);
    return same === undefined ? [] : [same];
  }

  all(side, places) {
    return [...new Set(places.flatMap((place) => this.counterparts(side, place)))];
  }
}

// From the narrowest to the widest: same operator at the same place, then any operator there.
function origins(node) {
  return node.span < 0 ? [] : [`${node.scope}|${node.span}|${node.op}`, `${node.scope}|${node.span}`];
}
