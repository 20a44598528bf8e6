"""Text to syntax tree, with recovery and recognised slips, and syntax tree to formatted text."""
