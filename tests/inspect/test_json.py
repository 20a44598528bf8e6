from __future__ import annotations

import json

from sample_graphs import layers, with_region

from attncomp.inspect.json import graph_to_json, tree_to_json
from attncomp.syntax.parse import parse


def test_graph_has_every_part() -> None:
    document = graph_to_json(layers(1))
    assert document["schema"] == "attncomp.graph/1"
    assert document["name"] == "Tower"
    assert document["symbols"] == ["batch"]
    assert document["results"] == [{"name": "y", "node": 3, "layout": [["batch"], ["embed"]]}]
    assert document["constraints"] == [
        {
            "left": "batch",
            "relation": "==",
            "right": "2 * batch",
            "span": {"file": "tower.attn", "line": 1, "column": 1, "end_line": 1, "end_column": 5},
        }
    ]
    _, parameter, add, _ = document["nodes"]
    assert parameter["attributes"] == {
        "initializer": {"kind": "uniform", "arguments": [-1.0, 1.0]},
        "key": "blocks.0.weight",
        "layout": [["embed"]],
        "trainable": True,
    }
    assert add["operands"] == [0, 1]
    assert add["type"] == {"dtype": "f32", "axes": [{"name": "batch", "size": "batch"}, {"name": "embed", "size": 4}]}
    assert add["origin"]["scope"] == "blocks.0"
    assert add["origin"]["span"]["line"] == 3


def test_region_has_its_body_and_numbers_that_json_lacks() -> None:
    document = graph_to_json(with_region())
    region = next(node for node in document["nodes"] if node["operator"] == "region")
    body = region["attributes"]["body"]
    assert [node["operator"] for node in body["nodes"]] == ["input", "constant", "exp"]
    assert body["nodes"][1]["attributes"]["value"]["values"] == ["-inf", 1.5]
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_nodes_come_after_their_operands() -> None:
    seen: set[int] = set()
    for node in graph_to_json(layers(5))["nodes"]:
        assert set(node["operands"]) <= seen
        seen.add(node["id"])


def test_tree_keeps_every_field_and_place() -> None:
    document = tree_to_json(parse("fn half(x) = 0.5 * x\n", "half.attn"))
    assert document["schema"] == "attncomp.tree/1"
    function = document["tree"]["items"][0]
    assert function["node"] == "Function"
    assert function["name"] == {
        "node": "Name",
        "text": "half",
        "span": {"file": "half.attn", "line": 1, "column": 4, "end_line": 1, "end_column": 8},
    }
    assert function["value"]["operator"] == "*"
    assert function["value"]["left"]["value"] == 0.5
    assert json.loads(json.dumps(document, allow_nan=False)) == document
