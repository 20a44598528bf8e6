"""Functions that emitted modules carry a copy of; only their text is read here."""
