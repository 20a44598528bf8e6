"""Backends are found by entry points, and one that is broken is named."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from attncomp import plugins
from attncomp.diagnostics.core import DiagnosticError
from attncomp.emission.registry import GROUP, backend_names, find_backend


def install(monkeypatch: pytest.MonkeyPatch, *places: str) -> None:
    found = EntryPoints(EntryPoint("odd", place, GROUP) for place in places)
    monkeypatch.setattr(plugins, "entry_points", lambda group: found.select(group=group))


def mistake(name: str) -> str:
    with pytest.raises(DiagnosticError) as raised:
        find_backend(name)
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.code == "E090"
    return f"{diagnostic.message}; {diagnostic.help}"


def test_the_built_in_backends() -> None:
    assert {"numpy", "torch"} <= set(backend_names())
    assert [find_backend(name).name for name in ("numpy", "torch")] == ["numpy", "torch"]


def test_unknown() -> None:
    assert mistake("nunpy") == "there is no backend `nunpy`; did you mean `numpy`?"
    assert "`numpy`" in mistake("zebra") and "`torch`" in mistake("zebra")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("no_such_package:backend", "does not load: ModuleNotFoundError"),
        ("attncomp.emission.registry:nothing", "does not load: AttributeError"),
        ("attncomp.emission.registry:GROUP", "is not a backend"),
    ],
)
def test_broken(monkeypatch: pytest.MonkeyPatch, place: str, message: str) -> None:
    install(monkeypatch, place)
    assert backend_names() == ("odd",)
    assert message in mistake("odd")


def test_two_of_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "attncomp_numpy:backend", "attncomp_torch:backend")
    assert mistake("odd").startswith("two packages add a backend `odd`")
    install(monkeypatch, "attncomp_numpy:backend", "attncomp_numpy:backend")
    assert find_backend("odd").name == "numpy"
