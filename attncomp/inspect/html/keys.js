// The keyboard in a drawing: arrow keys follow the arrows of the graph, the rest folds, zooms and selects.

import { isGroup } from "./model.js";

export function bindKeys(app, pane) {
  pane.svg.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const item = pane.model.byKey.get(pane.focus);
    const act = item && actions(app, pane, item)[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function actions(app, pane, item) {
  const go = (next) => {
    if (!next) return;
    app.select(pane.side, next);
    pane.focusOn(next.key);
  };
  const ends = [...pane.shapes.values()];
  return {
    ArrowDown: () => go(item.open ? pane.model.childrenOf(item)[0] : neighbours(pane.model, item, "readers")[0] || below(item)),
    ArrowUp: () => go(neighbours(pane.model, item, "operands")[0] || groupAround(item)),
    ArrowRight: () => go(beside(pane, item, 1)),
    ArrowLeft: () => go(beside(pane, item, -1)),
    Home: () => go(ends[0].item),
    End: () => go(ends[ends.length - 1].item),
    Enter: () => (isGroup(item) ? pane.toggle(item) : app.readDetails(pane.side, item)),
    " ": () => app.select(pane.side, pane.selected === item.key ? null : item),
    Backspace: () => groupAround(item) && pane.toggle(groupAround(item)),
    Escape: () => app.select(pane.side, null),
    "+": () => pane.viewport.zoom(1.25),
    "=": () => pane.viewport.zoom(1.25),
    "-": () => pane.viewport.zoom(1 / 1.25),
    0: () => pane.fit(),
  };
}

// The visible items that read from an item, or that it reads from, each once.
export function neighbours(model, item, direction) {
  const inside = new Set(model.placesIn(item));
  const found = new Set();
  for (const place of inside) {
    const near = direction === "readers" ? model.readers[place] : model.nodes[place].in;
    for (const other of near) {
      const shown = inside.has(other) ? null : model.shownFor(other);
      if (shown && shown !== item) found.add(shown);
    }
  }
  return [...found];
}

function groupAround(item) {
  return item.parent && item.parent.parent ? item.parent : null;
}

// What nothing reads: on to the next in the same group, so that the keyboard reaches everything.
function below(item) {
  const siblings = item.parent.children;
  return siblings[siblings.indexOf(item) + 1] || null;
}

// The nearest box to the left or right in the same group, a row being what overlaps in height.
function beside(pane, item, direction) {
  const own = pane.shapes.get(item.key);
  let best = null;
  let least = Infinity;
  for (const sibling of pane.model.childrenOf(item.parent)) {
    const shape = pane.shapes.get(sibling.key);
    const distance = direction * (shape.x + shape.width / 2 - own.x - own.width / 2);
    const overlaps = shape.y < own.y + own.height && own.y < shape.y + shape.height;
    if (sibling !== item && overlaps && distance > 0 && distance < least) [best, least] = [sibling, distance];
  }
  return best;
}
