"""Functions cut out of files, with what they use."""

from __future__ import annotations

from pathlib import Path

import pytest

from attncomp.emission.runtime import Import, RuntimeSource, definition_lines, import_lines, names_in

FIRST = '''"""A file."""

from __future__ import annotations

import math
import os.path
from collections.abc import Callable, Mapping

import numpy as np

LIMIT = 3
OTHER = LIMIT + 1


# Why it is so.
@decorated
def outer(x: float) -> float:
    """Calls."""
    return inner(x) + math.pi


def inner(x: float) -> float:
    return x * LIMIT


class Alone(Exception):
    """Nothing."""
'''
SECOND = """from first import inner


def third(table: Mapping[str, float]) -> float:
    return inner(table["a"]) + np.pi
"""


@pytest.fixture
def source(tmp_path: Path) -> RuntimeSource:
    for name, text in (("first.py", FIRST), ("second.py", SECOND)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return RuntimeSource([tmp_path / "first.py", tmp_path / "second.py"])


def test_what_a_function_uses_comes_with_it(source: RuntimeSource) -> None:
    assert [one.name for one in source.needed(["third"])] == ["LIMIT", "inner", "third"]
    assert [one.name for one in source.needed(["outer", "Alone"])] == ["LIMIT", "outer", "inner", "Alone"]
    assert source.needed([]) == ()


def test_text_is_cut_with_decorators_and_comments(source: RuntimeSource) -> None:
    text = source.definitions["outer"].text
    assert text.startswith("# Why it is so.\n@decorated\ndef outer")
    assert text.endswith("return inner(x) + math.pi")


def test_imports_are_those_of_names_that_no_file_defines(source: RuntimeSource) -> None:
    used = frozenset().union(*(one.uses for one in source.needed(["third", "outer"])))
    assert [str(one) for one in source.imports_of(used)] == [
        "from collections.abc import Mapping",
        "import math",
        "import numpy as np",
    ]


def test_definitions_stand_apart(source: RuntimeSource) -> None:
    lines = definition_lines(source.needed(["OTHER", "inner"]))
    assert lines[:5] == ["LIMIT = 3", "OTHER = LIMIT + 1", "", "", "def inner(x: float) -> float:"]


def test_imports_in_sections() -> None:
    imports = [
        Import("numpy", "np"),
        Import("collections.abc", "Mapping", "Mapping"),
        Import("__future__", "annotations", "annotations"),
        Import("os", "os"),
        Import("collections.abc", "Callable", "Callable"),
        Import("collections.abc", "Callable", "Callable"),
        Import("torch.nn.functional", "F"),
    ]
    assert import_lines(imports) == [
        "from __future__ import annotations",
        "",
        "import os",
        "from collections.abc import Callable, Mapping",
        "",
        "import numpy as np",
        "import torch.nn.functional as F",
    ]


def test_a_name_defined_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("def same() -> None:\n    pass\n", encoding="utf-8")
    with pytest.raises(ValueError, match="`same` is defined twice"):
        RuntimeSource([tmp_path / "a.py", tmp_path / "b.py"])


def test_names_of_a_text() -> None:
    assert names_in("a = b.c(d)") == {"a", "b", "d"}
