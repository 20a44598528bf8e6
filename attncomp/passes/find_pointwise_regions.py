"""`find-pointwise-regions`: pointwise operators on values of one index space that hang together are one region.

Run one by one, each of them reads and writes whole values; together they are one pass over memory, and what only they
read is never stored. A lowering may evaluate the body a tile at a time, with the tile in cache.

    %2 = add(%0, %1)                          %2 = region(%0, %1) {kind = "pointwise", body = …}
    %3 = relu(%2)                        →    return "y": %2
    return "y": %3

A region may have several results: what something else reads too is handed over, and computed once. Members are what
depends on the inputs and works on one set of axes; smaller values that only they read are made inside, too. Left
outside is what depends on parameters or positions alone, for it is made once, and what lowering folds into the step
before (the bias of a product). Nothing is fused across iterations of repeated layers, which stay alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Graph
from attncomp.passes.base import Pass, PassResult
from attncomp.passes.overview import Overview, braced
from attncomp.passes.pointwise_groups import pointwise_groups
from attncomp.passes.regions import fuse
from attncomp.passes.reporting import fused


@dataclass(frozen=True)
class FindPointwiseRegions(Pass):
    """Fuses pointwise operators whose intermediate values then need not be stored.

    `least` is how many bytes of intermediate values, at typical sizes, are worth a region.
    """

    name: ClassVar[str] = "find-pointwise-regions"
    summary: ClassVar[str] = "fuses pointwise operators that hang together into one pass over memory"
    least: int = 65536

    def run(self, graph: Graph) -> PassResult:
        """One region and remark for each group of operators that spares enough, in the graph's order."""
        overview = Overview.of(graph)
        remarks: list[Remark] = []
        for group in pointwise_groups(overview, self.least):
            region = fuse(overview, "pointwise", set(group.members), group.outputs, tables=False, reorder=False)
            joined = f"{group.operators} operators on {braced(group.axes)} hang together"
            message = f"{joined}: what lies between need not be stored"
            remarks.append(fused(self.name, graph, region, message))
        return PassResult(bool(remarks), tuple(remarks))
