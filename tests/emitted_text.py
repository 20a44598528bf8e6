"""Importing the text of an emitted module."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import tempfile
from pathlib import Path
from types import ModuleType


def load(text: str) -> ModuleType:
    """Emitted text, imported from a file of its own."""
    name = f"emitted_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    path = Path(tempfile.mkdtemp()) / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module
