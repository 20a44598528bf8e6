"""The same text in every run: under another hash seed, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MODELS = Path(__file__).parents[1] / "models"
FILES = ("transformer_encoder", "shifted_window", "cbam", "flow", "aspp")

SCRIPT = """
import sys
from attncomp import pipeline
for path in sys.argv[1:]:
    for backend in ("numpy", "torch"):
        compiled = pipeline.compile_source(path, backend=backend)
        print(compiled.text)
        print(*compiled.optimised.remarks, sep="\\n")
"""


def compiled(seed: str) -> str:
    paths = [str(MODELS / f"{name}.attn") for name in FILES]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *paths], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_text_does_not_depend_on_the_hash_seed() -> None:
    first, second = compiled("0"), compiled("4242")
    assert first.count("class ") >= 2 * len(FILES)
    assert first == second
