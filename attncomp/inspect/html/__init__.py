"""A graph before and after the passes as one page for a browser, which works offline."""

from attncomp.inspect.html.page import page

__all__ = ["page"]
