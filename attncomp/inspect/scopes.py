"""The paths of layers as text: split, and those that differ by numbers alone said as one."""

from __future__ import annotations

from collections.abc import Iterable

from attncomp.ir.scopes import pattern


def parts(path: str) -> tuple[str, ...]:
    """The layers of a path, a number kept with the name before it: `layer.3`."""
    found: list[str] = []
    for part in filter(None, path.split(".")):
        if part.isdigit() and found and not found[-1].rpartition(".")[2].isdigit():
            found[-1] = f"{found[-1]}.{part}"
        else:
            found.append(part)
    return tuple(found)


def merged_paths(paths: Iterable[str]) -> str:
    """Paths as one text: those that differ by numbers alone as `layer.{0..5}` or `layer.{0,2,5}`, others in a list."""
    groups: dict[str, list[str]] = {}
    for path in filter(None, dict.fromkeys(paths)):
        groups.setdefault(pattern(path), []).append(path)
    return ", ".join(_merged(group) for group in groups.values())


def _merged(paths: list[str]) -> str:
    merged = []
    for column in zip(*(path.split(".") for path in paths), strict=True):
        distinct = list(dict.fromkeys(column))
        if len(distinct) == 1:
            merged.append(distinct[0])
            continue
        numbers = sorted(int(part) for part in distinct)
        run = numbers == list(range(numbers[0], numbers[-1] + 1))
        merged.append(f"{{{numbers[0]}..{numbers[-1]}}}" if run else "{" + ",".join(map(str, numbers)) + "}")
    return ".".join(merged)
