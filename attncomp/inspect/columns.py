"""The columns of a layered layout: igraph orders and aligns the vertices of each row, then each column gets room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

GAP = 18.0


def columns(vertices: Sequence[str], edges: Iterable[tuple[str, str]], rows: Mapping[str, int]) -> dict[str, float]:
    """The horizontal place of each vertex in igraph's layout, where a vertex has no width."""
    import igraph

    numbers = {vertex: number for number, vertex in enumerate(vertices)}
    joined = sorted({(numbers[source], numbers[target]) for source, target in edges})
    graph: Any = igraph.Graph(n=len(vertices), edges=joined, directed=True)
    layout = graph.layout_sugiyama(layers=[rows[vertex] for vertex in vertices], hgap=1, vgap=1, maxiter=100)
    return {vertex: round(layout[number][0], 3) for vertex, number in numbers.items()}


def stretched(
    vertices: Sequence[str],
    columns: Mapping[str, float],
    rows: Mapping[str, int],
    halves: Mapping[str, tuple[float, float]],
) -> tuple[dict[str, float], float]:
    """Where the middle of each vertex comes to lie, and the width of all: columns keep their order, vertices get room.

    Between the leftmost and the rightmost places that give every vertex its room, each column takes the middle.
    """
    distinct = sorted(set(columns.values()))
    number = {column: position for position, column in enumerate(distinct)}
    left = [0.0] * len(distinct)
    right = [0.0] * len(distinct)
    needs: list[list[tuple[int, float]]] = [[] for _ in distinct]
    by_row: dict[int, list[str]] = {}
    for vertex in vertices:
        at = number[columns[vertex]]
        left[at] = max(left[at], halves[vertex][0])
        right[at] = max(right[at], halves[vertex][1])
        by_row.setdefault(rows[vertex], []).append(vertex)
    for row in by_row.values():
        row.sort(key=lambda vertex: columns[vertex])
        for first, second in pairwise(row):
            room = halves[first][1] + halves[second][0] + GAP
            needs[number[columns[second]]].append((number[columns[first]], room))
    low: list[float] = []
    for at in range(len(distinct)):
        fitting = [left[at], *(low[before] + room for before, room in needs[at])]
        low.append(max([*fitting, low[-1]] if low else fitting))
    width = max((low[at] + right[at] for at in range(len(distinct))), default=0.0)
    high = [width - extent for extent in right]
    for at in reversed(range(len(distinct))):
        if at + 1 < len(distinct):
            high[at] = min(high[at], high[at + 1])
        for before, room in needs[at]:
            high[before] = min(high[before], high[at] - room)
    middle = {column: (low[at] + high[at]) / 2 for column, at in number.items()}
    return {vertex: middle[columns[vertex]] for vertex in vertices}, width
