"""Trees, graphs and programs as text, JSON and dot: what a person or a tool reads of a compilation."""
