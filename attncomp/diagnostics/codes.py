"""The table of diagnostic codes, and the manual page of each."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from types import MappingProxyType

# Numbers go by what the mistake is in: E00 the text, E01 names, E02 axes, E03 sizes, E04 uses, E05 files, E06 keys,
# E07 a call at run time, E08 fusion, E09 the command line; W are warnings.
CODES: Mapping[str, str] = MappingProxyType(
    {
        "E001": "unexpected token",
        "E002": "unclosed bracket",
        "E003": "mismatched bracket",
        "E004": "missing arrow",
        "E005": "a habit from Python",
        "E006": "not UTF-8",
        "E007": "nested too deeply",
        "E008": "not a character, number or string of the language",
        "E010": "unknown name",
        "E011": "unknown axis",
        "E012": "unknown operator, block or layer",
        "E013": "unknown option",
        "E014": "defined twice",
        "E015": "unknown model",
        "E020": "forgotten rename",
        "E021": "the result is not what `->` says",
        "E022": "two axes with one name",
        "E023": "the value lacks the axis",
        "E024": "a broadcast that needs an ascription",
        "E025": "the ascription does not fit",
        "E030": "size conflict",
        "E031": "inexact division",
        "E032": "a shared layer called with two sizes",
        "E033": "size too large",
        "E034": "position out of range",
        "E035": "size not known when compiling",
        "E040": "wrong type of option",
        "E041": "missing option or argument",
        "E042": "too many arguments",
        "E043": "not taken here",
        "E044": "not callable",
        "E045": "wrong element type",
        "E046": "condition not known when compiling",
        "E050": "a block that contains itself",
        "E051": "import cycle",
        "E052": "no such file",
        "E053": "name not in the imported file",
        "E054": "no model",
        "E060": "duplicate parameter key",
        "E061": "bad parameter key",
        "E070": "the weights do not fit",
        "E071": "wrong input",
        "E072": "unreadable weights file",
        "E080": "a required fusion was missed",
        "E090": "a mistake on the command line",
        "W001": "unused layer",
        "W002": "unused parameter",
    }
)


def page(code: str) -> str:
    """The manual page of a code, in Markdown: what is wrong, an example, what to write instead, and why.

    Raises KeyError for a code that is not in the table.
    """
    if code not in CODES:
        raise KeyError(code)
    return importlib.resources.files("attncomp.diagnostics").joinpath("pages", f"{code}.md").read_text(encoding="utf-8")
