from __future__ import annotations

import sys
import xml.etree.ElementTree as ET

import pytest
from sample_graphs import BATCH, f32, layers, with_region

from attncomp.diagnostics.core import DiagnosticError
from attncomp.inspect.svg import graph_to_svg
from attncomp.ir.graph import Graph, Origin, Result

SVG = "{http://www.w3.org/2000/svg}"


def chain(count: int, scope: str = "", between: str = "") -> Graph:
    """`count` operators in a row, each in `scope`, every second in `between`."""
    graph = Graph("Chain")
    type_ = f32(batch=BATCH)
    value = graph.add("input", (), {"name": "x", "layout": (("batch",),)}, type_)
    for number in range(count):
        origin = Origin(None, between if number % 2 else scope.format(number))
        value = graph.add("exp", (value,), {}, type_, origin)
    graph.results = (Result("y", value, (("batch",),)),)
    return graph


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def boxes(svg: str) -> int:
    return sum(1 for _ in ET.fromstring(svg).iter(f"{SVG}g"))


def test_layers_that_are_alike_are_drawn_once() -> None:
    svg = graph_to_svg(layers(4))
    shown = texts(svg)
    assert "blocks.{0..3}   × 4" in shown or "{0..3}   × 4" in shown
    assert shown.count("add") == 1
    assert "weight" in shown  # a parameter is a line in its reader
    assert shown.count("out = relu") == 1


def test_depth_folds() -> None:
    assert "exp" in texts(graph_to_svg(with_region()))
    folded = graph_to_svg(with_region(), 0)
    assert "exp" not in texts(folded)
    assert "attention region" in texts(folded)
    assert boxes(folded) == 3  # the input, the layer, the result


def test_a_region_has_its_colour() -> None:
    assert 'fill="#cfe2ff"' in graph_to_svg(with_region())


def test_hostile_names_stay_text() -> None:
    graph = Graph("<script>alert(1)</script>")
    type_ = f32(batch=BATCH)
    value = graph.add("input", (), {"name": '"/><script>a</script>&\x00', "layout": (("batch",),)}, type_)
    value = graph.add("exp", (value,), {}, type_, Origin(None, "<a href='x'>]]>.<!--"), name="</svg>")
    graph.results = (Result("<image/>", value, (("batch",),)),)
    svg = graph_to_svg(graph)
    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(svg).iter()}
    assert tags <= {"svg", "title", "rect", "path", "polygon", "g", "text"}
    assert "<image/>" in texts(svg)


def test_the_same_graph_gives_the_same_text() -> None:
    assert graph_to_svg(layers(3)) == graph_to_svg(layers(3))


def test_boxes_do_not_overlap() -> None:
    places = []
    for group in ET.fromstring(graph_to_svg(chain(9, between="layer"))).iter(f"{SVG}g"):
        rectangle = group.find(f"{SVG}rect")
        assert rectangle is not None
        places.append([float(rectangle.get(name, "nan")) for name in ("x", "y", "width", "height")])
    for number, (x, y, width, height) in enumerate(places):
        for other_x, other_y, other_width, other_height in places[:number]:
            apart = x >= other_x + other_width or other_x >= x + width
            assert apart or y >= other_y + other_height or other_y >= y + height


@pytest.mark.parametrize("scope", ["", "blocks.{}", "tower"])
def test_a_large_graph_is_folded(scope: str) -> None:
    svg = graph_to_svg(chain(5000, scope, scope.format(1)))
    assert 3 <= boxes(svg) <= 210


def test_without_igraph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "igraph", None)
    with pytest.raises(DiagnosticError) as caught:
        graph_to_svg(layers(1))
    assert caught.value.diagnostics[0].code == "E090"
    assert "attncomp[draw]" in (caught.value.diagnostics[0].help or "")
