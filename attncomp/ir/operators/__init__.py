"""The operators of the graph: one table, a file a category."""
