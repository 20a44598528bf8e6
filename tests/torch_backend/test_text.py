"""Emitted text: formatted, typed, the same in every run, and in need of nothing but torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attncomp_torch
import pytest
import torch
from attncomp_torch import backend
from emitted_text import load
from golden import check_golden
from torch_backend.programs import encoder
from torch_backend.test_attention import SHAPES, attending
from torch_backend.test_parameters import summing
from torch_backend.test_training import normalized_gate

from attncomp.emission.backend import Backend
from attncomp.emission.registry import find_backend

LONG = [f"a b.{name} of the layer.weight" for name in ("first", "second", "third")]
TEXTS = {
    "encoder": backend.emit(encoder(rate=0.1)),
    "gated": backend.emit(normalized_gate()),
    "windows": backend.emit(attending(SHAPES["windows"], [5, 6], [5, 6])),
    "apart": backend.emit(attending(SHAPES["windows"], [5, 6], [5, 6], known=False, rate=0.1)),
    "keys": backend.emit(summing("a.0.w", "a.1.w", "b c.class", 'say "hi"', "é", *LONG)),
}


def run(*command: str, cwd: Path | None = None, path: str = "") -> str:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": path, "HOME": "/tmp", "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_formatted_and_typed(tmp_path: Path) -> None:
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    run("-m", "ruff", "format", "--check", "--isolated", "--line-length", "100", str(tmp_path))
    run("-m", "ruff", "check", "--isolated", "--select", "E,F,I,W", "--line-length", "100", str(tmp_path))
    run("-m", "mypy", "--strict", *sorted(map(str, tmp_path.glob("*.py"))), cwd=tmp_path)


def test_the_encoder_reads_like_code() -> None:
    text = TEXTS["encoder"]
    check_golden(
        Path(__file__).parent / "golden" / "encoder.py.txt",
        text[text.index("class Encoder") : text.index("def check_input")],
    )


def test_the_same_text_under_another_hash_seed() -> None:
    code = """
import sys
from attncomp_torch import backend
from torch_backend.programs import encoder
sys.stdout.write(backend.emit(encoder(rate=0.1)))
"""
    assert run("-c", code, path=":".join(sys.path)) == TEXTS["encoder"]


def test_the_backend_is_found_and_does_not_import_torch() -> None:
    assert find_backend("torch") is backend
    assert isinstance(backend, Backend)
    assert backend.excluded_passes == {"merge-projections", "fold-batch-norm", "find-pointwise-regions"}
    code = "import attncomp_torch, sys; sys.exit('torch' in sys.modules)"
    run("-c", code, path=":".join(sys.path))
    assert "torch" not in vars(attncomp_torch)


def test_an_emitted_module_needs_torch_alone(tmp_path: Path) -> None:
    (tmp_path / "encoder.py").write_text(TEXTS["encoder"], encoding="utf-8")
    (tmp_path / "gated.py").write_text(TEXTS["gated"], encoding="utf-8")
    code = """
import sys
for name in ("attncomp", "attncomp_torch", "attncomp_grammar", "networkx", "lark", "safetensors", "click", "rich"):
    sys.modules[name] = None
import torch, encoder, gated
model = encoder.Encoder()
y = model(torch.zeros(2, 3, dtype=torch.int64), torch.ones(2, 3, dtype=torch.bool))
model.load_weights(model.state_dict())
assert y.shape == (2, 8)
assert gated.Gated()(torch.zeros(1, 2, 4, 4)).gated.shape == (1, 2, 4, 4)
"""
    run("-c", code, cwd=tmp_path)
    for text in TEXTS.values():
        imported = {
            line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))
        }
        assert imported - sys.stdlib_module_names == {"torch"}


def test_an_old_torch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "2.10.1+cpu")
    with pytest.raises(ImportError, match=r"PyTorch 2\.10\.1\+cpu is older than 2\.11"):
        load(TEXTS["encoder"])
    monkeypatch.setattr(torch, "__version__", "2.11.0a0+git")
    assert load(TEXTS["encoder"]).Encoder is not None
