"""What pyproject.toml says is installed against the folders that are there."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = {
    "attncomp_grammar": "grammar",
    "attncomp_numpy": "backends/attncomp_numpy",
    "attncomp_torch": "backends/attncomp_torch",
}


def _packages_on_disk() -> set[str]:
    found = set()
    for name, folder in {"attncomp": "attncomp", **FOLDERS}.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            found.add(".".join((name, *init.parent.relative_to(ROOT / folder).parts)))
    return found


def test_every_package_is_listed() -> None:
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == _packages_on_disk()


def test_every_mapped_folder_is_known_here() -> None:
    assert PROJECT["tool"]["setuptools"]["package-dir"] == FOLDERS


def test_every_folder_with_code_is_a_package() -> None:
    for top in ("attncomp", *FOLDERS.values()):
        for file in (ROOT / top).rglob("*.py"):
            assert (file.parent / "__init__.py").exists(), f"{file.parent} has no __init__.py"


def test_every_package_carries_the_marker_of_its_types() -> None:
    for top in ("attncomp", "backends/attncomp_numpy", "backends/attncomp_torch"):
        assert (ROOT / top / "py.typed").exists()


def test_entry_points_name_things_that_exist() -> None:
    for group in PROJECT["project"]["entry-points"].values():
        for target in group.values():
            module, attribute = target.split(":")
            package, *rest = module.split(".")
            base = ROOT / FOLDERS.get(package, package)
            file = base.joinpath(*rest)
            source = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
            assert attribute in source.read_text(encoding="utf-8"), target
