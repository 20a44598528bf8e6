"""The command as a process of its own: what only shows there."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

ATTNC = [sys.executable, "-c", "from attncomp.cli import main; main(prog_name='attnc')"]
HEAVY = {"torch", "rich", "attncomp_numpy", "attncomp_torch"}


def run(*arguments: str, **settings) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*ATTNC, *arguments], capture_output=True, text=True, check=False, **settings)


def imported(*arguments: str) -> set[str]:
    """The top-level packages that a command has imported by its end."""
    code = (
        "import atexit, sys\n"
        "names = lambda: print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)\n"
        "atexit.register(names)\n"
        "from attncomp.cli import main; main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    return set(done.stderr.split())


def test_version_and_help_import_nothing_heavy() -> None:
    assert run("--version").stdout == f"attnc {version('attncomp')}\n"
    assert "networkx" not in imported("--help")
    assert "lark" not in imported("--version")


def test_check_imports_no_backend() -> None:
    names = imported("check", "good.attn")
    assert "attncomp" in names
    assert not names & HEAVY


def test_importing_attncomp_imports_nothing_else() -> None:
    code = "import sys, attncomp; print(*{name.split('.')[0] for name in sys.modules})"
    names = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert not names & (HEAVY | {"networkx", "lark", "numpy", "click"})


def test_the_reader_of_a_pipe_may_leave() -> None:
    writer = subprocess.Popen(
        [*ATTNC, "inspect", "good.attn", "--stage", "tree"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert writer.stdout is not None and writer.stderr is not None
    writer.stdout.close()
    assert b"Traceback" not in writer.stderr.read()
    writer.stderr.close()
    writer.wait()


def test_a_terminal_that_cannot_show_a_character() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    with open("strange.attn", "w", encoding="utf-8") as file:
        file.write("fn scale(x) = 2 − x\n")
    done = run("check", "strange.attn", env=environment)
    assert done.returncode == 1
    assert "\\u2212" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("check", "bad.attn"), ("compile", "bad.attn"), ("explain", "E999")])
def test_mistakes_end_with_1(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert "error[" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
