"""Golden text files: `from golden import check_golden`. `ATTNCOMP_UPDATE_GOLDEN=1 pytest …` rewrites them."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

UPDATE_VARIABLE = "ATTNCOMP_UPDATE_GOLDEN"


def check_golden(path: str | Path, text: str) -> None:
    """Fails unless the file at `path` holds exactly `text`; where the variable is set, writes the file instead.

    Raises AssertionError with a diff, or where the file does not exist yet.
    """
    path = Path(path)
    if os.environ.get(UPDATE_VARIABLE) == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
        return
    if not path.exists():
        raise AssertionError(f"{path} does not exist; {UPDATE_VARIABLE}=1 writes it")
    expected = path.read_text(encoding="utf-8")
    if expected != text:
        diff = difflib.unified_diff(
            expected.splitlines(), text.splitlines(), fromfile=str(path), tofile="this run", lineterm=""
        )
        raise AssertionError("\n".join(["the text differs from the golden file", *diff]))
