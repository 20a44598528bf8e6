from __future__ import annotations

import sys

import pytest
from sample_graphs import BATCH, f32

import attncomp
from attncomp.ir.graph import Graph, Result


def hostile() -> Graph:
    graph = Graph("<script>")
    value = graph.add("input", (), {"name": "<b>&", "layout": (("batch",),)}, f32(batch=BATCH))
    graph.results = (Result("</div>", value, (("batch",),)),)
    return graph


def test_a_graph_shows_itself_escaped() -> None:
    html = attncomp.show(hostile())._repr_html_()
    assert "<script" not in html and "<b>" not in html
    assert "&lt;b&gt;&amp;: f32{batch}" in html
    assert html.count("</div>") == 1
    assert html.count("<svg ") == 1


def test_without_igraph_the_table_says_how_to_get_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "igraph", None)
    html = attncomp.show(hostile())._repr_html_()
    assert "<svg" not in html
    assert "pip install 'attncomp[draw]'" in html
    assert "<th>layer</th>" in html


def test_a_module_shows_what_it_is() -> None:
    html = attncomp.compile("examples/se.attn")._repr_html_()
    for text in ("<th>backend</th><td>numpy</td>", "<th>regions</th><td>1 gate", "<th>inputs</th><td>image: f32{"):
        assert text in html
    assert "<th>parameters</th><td>0<" not in html
