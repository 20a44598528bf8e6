"""Exponentials as a softmax has them: of a score, from which a shift is taken off, and zeroed by masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attncomp.ir.graph import Graph
from attncomp.ir.types import DType
from attncomp.passes.numbers import everywhere

# How many operators a shift may be made of, to be looked through.
_LARGEST_SHIFT = 32


@dataclass(frozen=True)
class Exponential:
    """exp(score), and 0 where one of `masks` leaves a place out: (condition, whether it holds where one is kept)."""

    score: int
    masks: tuple[tuple[int, bool], ...] = ()


def read_exponential(graph: Graph, identity: int, axes: Sequence[str]) -> Exponential | None:
    """A value as the exponential of a score, without shifts that lack the `axes`; None where it is none."""
    masks: list[tuple[int, bool]] = []
    while graph.node(identity).operator != "exp":
        masked = _masked(graph, identity)
        if masked is None:
            return None
        identity, condition, kept = masked
        masks.append((condition, kept))
    (score,) = graph.operands(identity)
    return Exponential(without_shifts(graph, score, axes), tuple(reversed(masks)))


def _masked(graph: Graph, identity: int) -> tuple[int, int, bool] | None:
    """What a mask is applied to, the condition, and whether it holds where the value is kept."""
    operator, operands = graph.node(identity).operator, graph.operands(identity)
    if operator == "where":
        condition, chosen, other = operands
        if everywhere(graph, other, 0) and graph.type(chosen).dtype is graph.type(identity).dtype:
            return chosen, condition, True
        if everywhere(graph, chosen, 0) and graph.type(other).dtype is graph.type(identity).dtype:
            return other, condition, False
    if operator == "multiply":
        for value, factor in (operands, operands[::-1]):
            condition = graph.operands(factor)[0] if graph.node(factor).operator == "cast" else factor
            if graph.type(condition).dtype is DType.BOOL and graph.type(value).dtype is graph.type(identity).dtype:
                return value, condition, True
    return None


def without_shifts(graph: Graph, score: int, axes: Sequence[str]) -> int:
    """What is left of `score` when sums and differences with values that lack the `axes` are undone."""
    while graph.node(score).operator in ("add", "subtract"):
        left, right = graph.operands(score)
        sides = ((left, right), (right, left)) if graph.node(score).operator == "add" else ((left, right),)
        kept = [value for value, shift in sides if _is_shift(graph, score, value, shift, axes)]
        if not kept:
            return score
        score = kept[0]
    return score


def _is_shift(graph: Graph, score: int, value: int, shift: int, axes: Sequence[str]) -> bool:
    if any(graph.type(shift).has(axis) for axis in axes) or not graph.type(value).same_as(graph.type(score)):
        return False
    return _reads_no_parameter(graph, shift, value)


def _reads_no_parameter(graph: Graph, identity: int, but_for: int) -> bool:
    """Whether a value depends on parameters through `but_for` alone, as far as a short walk tells."""
    seen: set[int] = set()
    waiting = [identity]
    while waiting:
        here = waiting.pop()
        if here == but_for or here in seen:
            continue
        seen.add(here)
        if len(seen) > _LARGEST_SHIFT or graph.node(here).operator == "parameter":
            return False
        waiting.extend(graph.operands(here))
    return True
