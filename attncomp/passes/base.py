"""What a pass is: a named rewrite of the graph that says whether it changed anything, and why it did not fuse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Graph


@dataclass(frozen=True)
class PassResult:
    """Whether a pass changed the graph, and its remarks in the order of the graph."""

    changed: bool
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class PassRecord:
    """What one run of a pass did to the graph: its nodes before and after."""

    name: str
    changed: bool
    nodes_before: int
    nodes_after: int


class Pass(ABC):
    """A rewrite of the graph in place that keeps its results.

    A pass is a frozen dataclass: its fields are its options, all with a default. `name` is stable and in kebab-case
    (the file is named the same in snake_case), `summary` one line. A pass of a plug-in runs after the built-in ones,
    or before the pass that `before` names. Neighbours with `repeats` run again while one of them changes something.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    before: ClassVar[str] = ""
    repeats: ClassVar[bool] = False

    @abstractmethod
    def run(self, graph: Graph) -> PassResult:
        """Rewrites `graph` in place; every result keeps its value, its axes and its dtype."""
