"""attncomp as a user installs it: what lands where, what it imports, and that plug-ins are found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"attncomp", "attncomp_grammar", "attncomp_numpy", "attncomp_torch"}
DEPENDENCIES = {"numpy", "lark", "networkx", "click", "rich", "safetensors", "markdown_it", "mdurl", "pygments"}


def test_the_command_runs(installed) -> None:
    assert installed.run("attnc", "--version").strip().endswith("0.1.0")


def test_a_model_compiles_and_runs_without_torch(installed) -> None:
    checked = installed.run("attnc", "check", str(ROOT / "examples" / "minilm.attn"))
    assert "error" not in checked
    printed = installed.python(
        "import attncomp, importlib.util as u\n"
        "assert u.find_spec('torch') is None\n"
        "text = 'model Double(x: f32[n]) -> f32[n] { return x * 2 }'\n"
        "import numpy; print(attncomp.compile(text)(x=numpy.arange(3, dtype='float32')).tolist())"
    )
    assert printed.strip() == "[0.0, 2.0, 4.0]"


def test_nothing_generic_lands_among_the_installed_packages(installed) -> None:
    folders = {entry.name.lower() for entry in installed.site_packages.iterdir() if entry.is_dir()}
    packages = {name for name in folders if not name.endswith((".dist-info", ".libs", "__pycache__"))}
    assert packages - DEPENDENCIES - {"pip", "setuptools", "pkg_resources", "_distutils_hack"} == OURS


def test_the_files_beside_the_code_are_installed_too(installed) -> None:
    for folder, pattern in (
        ("attncomp_grammar", "*.lark"),
        ("attncomp/std", "*.attn"),
        ("attncomp/diagnostics/pages", "*.md"),
    ):
        there = {path.name for path in (installed.site_packages / folder).glob(pattern)}
        source = ROOT / folder.replace("attncomp_grammar", "grammar")
        assert there and there == {path.name for path in source.glob(pattern)}


def test_importing_attncomp_imports_no_framework(installed) -> None:
    code = "import sys, attncomp; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    imported = set(installed.python(code).split())
    assert "attncomp" in imported
    assert not imported & {"torch", "transformers", "sklearn", "attncomp_torch"}


def test_a_plug_in_adds_a_pass_and_a_backend(installed, source_copy: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    shutil.copytree(source_copy / "examples" / "plugin", plugin)
    code = "from importlib.metadata import entry_points as e; print(*sorted(p.name for p in e(group='attncomp.{}')))"
    before = {group: set(installed.python(code.format(group)).split()) for group in ("backends", "passes")}
    installed.install("--no-deps", str(plugin))
    try:
        added = {group: set(installed.python(code.format(group)).split()) - before[group] for group in before}
        (backend,) = added["backends"]
        assert len(added["passes"]) == 1
        model = tmp_path / "double.attn"
        model.write_text("model Double(x: f32[n]) -> f32[n] { return x * 2 }\n", encoding="utf-8")
        output = tmp_path / "out.txt"
        installed.run("attnc", "compile", str(model), "--backend", backend, "-o", str(output))
        assert output.read_text(encoding="utf-8").strip()
    finally:
        installed.run("pip", "uninstall", "--yes", "--quiet", _distribution(plugin))


def _distribution(folder: Path) -> str:
    import tomllib

    name: str = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    return name


@pytest.mark.parametrize("name", ["attncomp", "networkx", "lark"])
def test_the_bare_environment_lacks(bare, name: str) -> None:
    assert bare.python(f"import importlib.util as u; print(u.find_spec({name!r}))").strip() == "None"
