from __future__ import annotations

import re

from sample_graphs import layers, with_region

from attncomp.inspect.dot import graph_to_dot, quoted

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def test_layers_are_clusters() -> None:
    text = graph_to_dot(layers(2))
    assert re.findall(r'subgraph cluster_\d+ \{\n\s*label="([^"]*)"', text) == ["blocks.0", "blocks.1"]
    assert text.count("->") == 6  # x and weight to each add, add to relu, relu to the result
    assert '"n2" -> "n4";' in text


def test_region_is_a_coloured_cluster_joined_to_its_operands() -> None:
    text = graph_to_dot(with_region())
    assert 'label="attention region"; style=filled, color="#cfe2ff";' in text
    assert '"n0" -> "n1_2";' in text  # the input of the body is what the region reads
    assert '"n1_2" -> "n2";' in text
    assert '"n1"' not in text and '"n1_0"' not in text


def test_every_edge_joins_nodes_that_are_drawn() -> None:
    for graph in (layers(3), with_region()):
        text = graph_to_dot(graph)
        drawn = set(re.findall(r'^\s*("[^"]*") \[label=', text, re.MULTILINE))
        ends = {end for edge in re.findall(r'^\s*("[^"]*") -> ("[^"]*");', text, re.MULTILINE) for end in edge}
        assert ends and ends <= drawn


def test_braces_balance_outside_strings() -> None:
    text = STRING.sub("", graph_to_dot(with_region()))
    assert '"' not in text and "\\" not in text
    assert text.count("{") == text.count("}") > 2


def test_quoting() -> None:
    assert quoted('a"b\\c\nd\te\x1b') == '"a\\"b\\\\c\\nd e "'
