"""Runs passes in order, and verifies the graph after each that changed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Graph
from attncomp.ir.verify import verify as verify_graph
from attncomp.passes.base import Pass, PassRecord

Observer = Callable[[str, Graph], None]


def run_passes(
    graph: Graph, passes: Iterable[Pass], *, verify: bool = True, observe: Observer | None = None
) -> tuple[tuple[PassRecord, ...], tuple[Remark, ...]]:
    """Runs `passes` on `graph`, in place; returns a record of each and all their remarks, in order.

    `observe` is called after each pass with its name and the graph, which the next pass goes on to change: an observer
    that keeps it keeps a copy.

    Whatever a pass raises, and what the verification after it raises, carries a note that names the pass.
    """
    records: list[PassRecord] = []
    remarks: list[Remark] = []
    for pass_ in passes:
        before = len(graph)
        try:
            result = pass_.run(graph)
            if verify and result.changed:
                verify_graph(graph)
        except Exception as error:
            error.add_note(f"in the pass `{pass_.name}`")
            raise
        records.append(PassRecord(pass_.name, result.changed, before, len(graph)))
        remarks.extend(result.remarks)
        if observe is not None:
            observe(pass_.name, graph)
    return tuple(records), tuple(remarks)
