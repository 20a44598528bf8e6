"""Runs passes in order, and verifies the graph after each that changed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Graph
from attncomp.ir.verify import verify as verify_graph
from attncomp.passes.base import Pass, PassRecord

Observer = Callable[[str, Graph], None]

# How often passes that repeat may run: what one simplifies may be work for another, but not without end.
_TURNS = 8


def run_passes(
    graph: Graph, passes: Iterable[Pass], *, verify: bool = True, observe: Observer | None = None
) -> tuple[tuple[PassRecord, ...], tuple[Remark, ...]]:
    """Runs `passes` on `graph`, in place; returns a record of each and all their remarks, in order.

    Neighbours that repeat run again while one of them changes something; what changed nothing then leaves no record.
    `observe` is called with each record's name and the graph, which the next pass goes on to change: an observer that
    keeps it keeps a copy.

    Whatever a pass raises, and what the verification after it raises, carries a note that names the pass.
    """
    records: list[PassRecord] = []
    remarks: list[Remark] = []
    for repeats, neighbours in groupby(passes, key=lambda pass_: pass_.repeats):
        together = list(neighbours)
        for turn in range(_TURNS if repeats else 1):
            changed = False
            for pass_ in together:
                record, said = _run(graph, pass_, verify)
                changed = changed or record.changed
                remarks.extend(said)
                if record.changed or turn == 0:
                    records.append(record)
                    if observe is not None:
                        observe(pass_.name, graph)
            if not changed:
                break
    return tuple(records), tuple(remarks)


def _run(graph: Graph, pass_: Pass, verify: bool) -> tuple[PassRecord, tuple[Remark, ...]]:
    before = len(graph)
    try:
        result = pass_.run(graph)
        if verify and result.changed:
            verify_graph(graph)
    except Exception as error:
        error.add_note(f"in the pass `{pass_.name}`")
        raise
    return PassRecord(pass_.name, result.changed, before, len(graph)), result.remarks
