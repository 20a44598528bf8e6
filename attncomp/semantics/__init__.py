"""From the syntax tree to the graph: names, static values, axes, layers, parameter keys."""
