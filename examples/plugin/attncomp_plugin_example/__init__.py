"""A pass and a backend for attncomp, from another package."""
