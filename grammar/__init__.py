"""The grammar of the language, as a resource."""
