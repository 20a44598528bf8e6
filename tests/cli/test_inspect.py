from __future__ import annotations

import json

import pytest


def test_tree(attnc) -> None:
    text = attnc("inspect", "good.attn", "--stage", "tree").stdout
    assert "Model name=Attend" in text
    document = json.loads(attnc("inspect", "good.attn", "--stage", "tree", "--format", "json").stdout)
    assert document["schema"] == "attncomp.tree/1"
    assert document["tree"]["items"][0]["name"]["text"] == "Attend"


@pytest.mark.parametrize("stage", ["built", "optimized"])
def test_graphs(attnc, stage: str) -> None:
    text = attnc("inspect", "good.attn", "--stage", stage).stdout
    assert "\nmodel Attend\n" in text
    assert "  x: f32[batch, seq, embed = 4]" in text
    assert "2 parameters with 20 numbers in 80 bytes" in text
    assert ("attention region" in text) == (stage == "optimized")
    document = json.loads(attnc("inspect", "good.attn", "--stage", stage, "--format", "json").stdout)
    assert document["schema"] == "attncomp.graph/1"
    assert ("region" in {node["operator"] for node in document["nodes"]}) == (stage == "optimized")
    assert attnc("inspect", "good.attn", "--stage", stage, "--format", "dot").stdout.startswith('digraph "Attend" {')


def test_lowered(attnc) -> None:
    text = attnc("inspect", "good.attn", "--stage", "lowered").stdout
    assert text.startswith("program Attend(x) -> out\n")
    assert 'from "keys.weight"' in text
    assert "attention" in text
    document = json.loads(attnc("inspect", "good.attn", "--stage", "lowered", "--format", "json").stdout)
    assert document["schema"] == "attncomp.program/1"
    assert [parameter["key"] for parameter in document["parameters"]] == ["keys.weight", "keys.bias"]
    assert "region" in {statement["kind"] for statement in document["steps"]}


def test_output_file(attnc, folder) -> None:
    result = attnc("inspect", "good.attn", "--format", "dot", "-o", "graph.dot")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (folder / "graph.dot").read_text(encoding="utf-8") == attnc("inspect", "good.attn", "--format", "dot").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--stage", "lowred"), "there is no stage `lowred`, only `tree`, `built`, `optimized` and `lowered`"),
        (("--format", "svg"), "there is no format `svg`, only `text`, `json` and `dot`"),
        (("--stage", "tree", "--format", "dot"), "there is no format `dot`, only `text` and `json`"),
        (("--backend", "nunpy"), "there is no backend `nunpy`"),
    ],
)
def test_mistakes(attnc, arguments: tuple[str, ...], message: str) -> None:
    result = attnc("inspect", "good.attn", *arguments)
    assert result.exit_code == 1
    assert f"error[E090]: {message}" in result.stderr
