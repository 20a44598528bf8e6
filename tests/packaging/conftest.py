"""A bare environment with attncomp installed in it the way a user would, made once for all tests of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_NOT_SOURCE = (".git", ".venv*", "build", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis")


@dataclass(frozen=True)
class Environment:
    """A virtual environment."""

    folder: Path

    @property
    def site_packages(self) -> Path:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    def run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        """What a program of the environment prints; it runs in the environment's folder, not in the checkout."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(
            [str(self.folder / "bin" / program), *arguments], env=environment,
            capture_output=True, text=True, cwd=cwd or self.folder, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def python(self, code: str) -> str:
        """What a piece of Python prints."""
        return self.run("python", "-c", code)

    def install(self, *what: str) -> None:
        self.run("pip", "install", "--quiet", "--disable-pip-version-check", *what)


def _environment(folder: Path) -> Environment:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return Environment(folder)


@pytest.fixture(scope="session")
def source_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources without what building and testing left among them."""
    copy = tmp_path_factory.mktemp("source") / "attncomp"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*_NOT_SOURCE))
    return copy


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, source_copy: Path) -> Environment:
    """An environment with attncomp and what it depends on: no torch, nothing for tests."""
    environment = _environment(tmp_path_factory.mktemp("installed"))
    environment.install(str(source_copy))
    return environment


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with NumPy alone."""
    environment = _environment(tmp_path_factory.mktemp("bare"))
    environment.install("numpy")
    return environment
