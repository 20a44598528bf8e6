"""The graph: named axes with symbolic sizes, and operators on them."""
