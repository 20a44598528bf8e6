"""Functions that emitted modules need; an emitted module holds the source of those that it uses."""
