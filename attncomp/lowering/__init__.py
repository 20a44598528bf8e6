"""Graph to program: axis orders, positional operators, loops over repeated layers."""
