"""However many layers a model has, a pass walks through its graph a few times."""

from __future__ import annotations

import pytest
from passes.sketch import Sketch
from passes.test_canonicalize import pooled
from passes.test_find_softmax import shifted
from passes.test_fold_batch_norm import normed

from attncomp.ir.graph import Graph
from attncomp.ir.types import DType
from attncomp.passes.registry import find_pass

NAMES = ("fold-constants", "canonicalize", "find-softmax", "fold-batch-norm", "reassociate-contractions")


def layered(layers: int) -> Graph:
    """Layers in which each of the passes finds something."""
    s = Sketch()
    x = s.input("x", batch="batch", channel=4, height="seq", width=3)
    for number in range(layers):
        made = s.op("contract", x, s.parameter(f"w{number}", out=4, channel=4), axes=("channel",))
        x = s.op("multiply", s.rename(normed(s, made, "out", key=f"n{number}"), out="channel"), pooled(s, x))
        e = shifted(s, x, ("width",))
        x = s.op("divide", e, s.op("sum", e, axes=("width",)))
        source = s.rename(x, height="source")
        score = s.op("contract", x, source, axes=("channel", "width"))
        x = s.op("contract", score, source, axes=("source",))
        always = s.op("greater_equal", s.arange("height", "seq"), s.constant(0, DType.I64))
        x = s.op("where", always, x, s.constant(0.0))
    return s.returns(x)


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_is_walked_a_few_times(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = layered(48)
    walks: list[str] = []
    for method in ("order", "ancestors", "descendants"):
        walk = getattr(Graph, method)
        monkeypatch.setattr(Graph, method, lambda *a, m=method, w=walk: walks.append(m) or w(*a))
    assert find_pass(name).run(graph).changed
    assert set(walks) <= {"order"}
    assert len(walks) <= 3
