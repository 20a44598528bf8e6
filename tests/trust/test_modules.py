"""What is emitted of an optimised graph computes what the graph says as it was built, at ragged and empty sizes too."""

from __future__ import annotations

import re

import numpy as np
from end_to_end.everywhere import emitted, results, rewritten
from hypothesis import given
from hypothesis import strategies as st
from trust import values
from trust.drafts import BINDINGS, Drawn
from trust.graphs import graphs
from trust.hunting import examples

from attncomp.ir.sizes import Size

# float32, and f16 where a graph casts to it.
TOLERANCE, NARROW = 2e-4, 2e-2
SIZES = st.lists(st.sampled_from(BINDINGS), min_size=2, max_size=2, unique_by=lambda sizes: tuple(sizes.values()))


def check(drawn: Drawn, backend: str, all_sizes: list[dict[str, int]]) -> None:
    graph = drawn.graph
    module = emitted(rewritten(graph), backend)[1]
    for sizes in all_sizes:
        inputs, parameters = values.given(graph, sizes)
        module.load(parameters, strict=False)  # what no result depends on is gone
        wanted = values.computed(graph, inputs, parameters)
        try:
            with np.errstate(all="ignore"):
                found = results(module, inputs)
        except (ValueError, IndexError) as error:  # the maximum of nothing is -inf to the interpreter, an error to both
            assert 0 in sizes.values() or any(
                axis.size == Size.of(0) for node in graph.nodes() for axis in node.type.axes
            )
            assert re.search("zero-size array|non-zero size", str(error))
            continue
        if drawn.huge:  # float32 cannot follow in numbers
            found, wanted = ([np.isnan(one).astype(float) for one in every] for every in (found, wanted))
            wanted = [np.where(one, np.nan, 0.0) for one in wanted] if drawn.handwritten else wanted
        values.agree(found, wanted, NARROW if drawn.narrow else TOLERANCE, lenient=drawn.handwritten)


@examples(60)
@given(drawn=graphs(), sizes=SIZES)
def test_numpy(drawn: Drawn, sizes: list[dict[str, int]]) -> None:
    check(drawn, "numpy", sizes)


@examples(20)
@given(drawn=graphs(), sizes=SIZES)
def test_torch(drawn: Drawn, sizes: list[dict[str, int]]) -> None:
    check(drawn, "torch", sizes)
