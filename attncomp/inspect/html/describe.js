// One sentence about an item: what a screen reader says of its box.

import { kindOf } from "./kinds.js";
import { counted, itemName, itemTitle } from "./text.js";

export function describe(data, model, item) {
  if (item.place < 0) {
    const regions = [...item.regions].map(([kind, count]) => counted(count, `${kind} region`));
    return [`${item.kind === "chunk" ? "" : "layer "}${item.label}`, counted(item.count, "operator"), ...regions].join(", ");
  }
  const node = model.nodes[item.place];
  const name = itemName(model, item);
  const parts = [itemTitle(model, item) + (name ? ` ${name}` : ""), kindOf(data, node).word, data.types[node.type].text];
  if (item.path) parts.push(`in ${item.path}`);
  return [...new Set(parts)].join(", ");
}
