"""The library, written in the language itself."""
