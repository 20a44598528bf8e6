"""Graph to graph: one pass a file; `registry.py` has the order, `runner.py` runs them."""
