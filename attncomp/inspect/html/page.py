"""The page: markup, styles, scripts and data in one document that loads nothing.

The scripts are ES modules on disk; here they become one, in an order in which each finds what it imports. A policy in
the page allows this script and these styles, by their hashes, and nothing else: no request can leave the page.
"""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.resources
import json
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from attncomp.diagnostics.remarks import Remark
from attncomp.inspect.html.data import document
from attncomp.inspect.provenance import History

# Each file after those that it imports.
SCRIPTS = (
    "text.js",
    "model.js",
    "edges.js",
    "links.js",
    "kinds.js",
    "boxes.js",
    "describe.js",
    "layout.js",
    "viewport.js",
    "draw.js",
    "pane.js",
    "facts.js",
    "remarks.js",
    "details.js",
    "outline.js",
    "search.js",
    "keys.js",
    "legend.js",
    "main.js",
)
STYLES = ("theme.css", "view.css", "graph.css")

_IMPORT = re.compile(r"^import\s[^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export\s+(?=(?:async\s+)?(?:function|const|class)\b)", re.MULTILINE)


def page(
    history: History,
    *,
    title: str,
    after: str = "Optimized",
    sources: Mapping[str, str],
    remarks: Iterable[Remark] = (),
    sizes: Mapping[str, int] = MappingProxyType({}),
) -> str:
    """A model before and after its passes as an HTML document that needs nothing else.

    `history` holds the graph after each step, the first as it was built; `after` names the last one; `sources` the
    text of each file by the name that spans use; `sizes` binds symbols to numbers where costs are written.
    """
    shown = document(history, title=title, after=after, sources=sources, remarks=remarks, sizes=sizes)
    script, style = bundle(), "\n".join(_file(name) for name in STYLES)
    parts = {
        "TITLE": html.escape(f"{history[0][1].name} – {title}"),
        "POLICY": html.escape(_policy(script, style)),
        "STYLE": style,
        "LICENSE": _file("vendor/dagre.LICENSE").strip(),
        "DATA": embedded(shown),
        "SCRIPT": script,
    }
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda match: parts[match[1]], _file("page.html"))


def bundle() -> str:
    """All scripts as one, the layout library first."""
    modules = "\n".join(joined(SCRIPTS).splitlines())
    return f'{_file("vendor/dagre.min.js")}\n(() => {{\n"use strict";\n{modules}\n}})();\n'


def joined(names: Iterable[str]) -> str:
    """Modules one after another, without the words that tie them together."""
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", _file(name))) for name in names)


def embedded(value: object) -> str:
    """JSON that may stand in a `script` element: no `<` is left to end it, whatever a name in a model says."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace").decode("utf-8")


def _policy(script: str, style: str) -> str:
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _file(name: str) -> str:
    return importlib.resources.files(__package__).joinpath(*name.split("/")).read_text(encoding="utf-8")
