"""Reading a model file as text."""

from __future__ import annotations

from pathlib import Path

from attncomp.diagnostics.core import Span, fail

SIZE_LIMIT = 1_000_000


def read_source(path: str | Path) -> str:
    """The text of a file, without a byte order mark.

    Raises DiagnosticError where it is not UTF-8 (E006) or larger than a person writes (E052), and OSError where it
    cannot be read.
    """
    with Path(path).open("rb") as file:
        data = file.read(SIZE_LIMIT + 1)
    if len(data) > SIZE_LIMIT:
        message = f"`{path}` is no model file: it has more than {SIZE_LIMIT // 1_000_000} MB"
        raise fail("E052", message, help="weights stand in a file of their own: `--weights FILE`")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        before = data[:offset]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace").lstrip("\ufeff")) + 1
        span = Span(str(path), line, column, line, column + 1)
        byte = data[offset]
        message = f"the file is not UTF-8: byte 0x{byte:02X} at offset {offset}"
        raise fail("E006", message, span, help="save the file as UTF-8") from None
