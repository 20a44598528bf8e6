// How each kind of operator and region is told apart: a sign and a word besides the colour.

const CATEGORIES = {
  source: ["●", "Input or position"],
  contraction: ["⊗", "Contraction"],
  pointwise: ["ƒ", "Pointwise"],
  reduction: ["Σ", "Reduction"],
  normalization: ["μ", "Normalization"],
  structure: ["⇄", "Structure"],
  window: ["▦", "Window"],
  result: ["■", "Result"],
};

const REGIONS = {
  attention: ["◎", "Attention region"],
  gate: ["⋈", "Gate region"],
  pointwise: ["≈", "Pointwise region"],
  product: ["⊠", "Product region"],
};

const STORED = { parameter: ["◆", "Parameter"], constant: ["◇", "Constant"], size: ["◇", "Size"] };

// {sign, word, style} of a node; the style is the end of a class name.
export function kindOf(data, node) {
  if (node.kind) return regionKind(node.kind);
  if (STORED[node.op]) return { sign: STORED[node.op][0], word: STORED[node.op][1], style: "quiet" };
  const category = data.operators[node.op][0];
  const [sign, word] = CATEGORIES[category] || ["◇", category];
  return { sign, word, style: CATEGORIES[category] ? category : "structure" };
}

export function regionKind(kind) {
  const known = REGIONS[kind];
  return { sign: known ? known[0] : "◇", word: known ? known[1] : `${kind} region`, style: `region-${known ? kind : "other"}` };
}
