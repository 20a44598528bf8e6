from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from attncomp.cli.output import check_writable, write_file, write_text
from attncomp.diagnostics.core import DiagnosticError


def code(raised: pytest.ExceptionInfo[DiagnosticError]) -> str:
    return raised.value.diagnostics[0].code


def test_a_failure_leaves_the_old_file_and_nothing_else() -> None:
    Path("out").write_text("old", encoding="utf-8")

    def write(stream) -> None:
        stream.write(b"half of it")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_file("out", write)
    assert Path("out").read_text(encoding="utf-8") == "old"
    assert not [name for name in os.listdir() if name.startswith(".out")]


def test_permissions() -> None:
    mask = os.umask(0o027)
    try:
        write_text("new", "text")
        assert stat.S_IMODE(Path("new").stat().st_mode) == 0o640
        Path("new").chmod(0o755)
        write_text("new", "again")
        assert stat.S_IMODE(Path("new").stat().st_mode) == 0o755
    finally:
        os.umask(mask)


def test_a_link_is_followed() -> None:
    Path("target").write_text("old", encoding="utf-8")
    Path("link").symlink_to("target")
    write_text("link", "new")
    assert Path("link").is_symlink()
    assert Path("target").read_text(encoding="utf-8") == "new"


def test_a_device_is_written_to() -> None:
    write_text("/dev/null", "text")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("destination", [".", "absent/out", "good.attn/out", "/proc/out"])
def test_what_cannot_be_written(destination: str) -> None:
    with pytest.raises(DiagnosticError) as raised:
        write_text(destination, "text")
    assert code(raised) == "E090"


def test_is_known_before_the_work() -> None:
    with pytest.raises(DiagnosticError) as raised:
        check_writable("absent/out")
    assert code(raised) == "E090"
    check_writable("out")
    check_writable("-")
    assert not Path("out").exists()
