from __future__ import annotations

import json
import re

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


def test_the_memory_plan_at_sizes(attnc) -> None:
    assumed = attnc("inspect", "good.attn", "--stage", "lowered").stdout
    told = attnc("inspect", "good.attn", "--stage", "lowered", "--size", "seq=64").stdout
    assert "`--size " in assumed and "seq = 64" not in assumed
    assert "buffers, at" in told and "seq = 64" in told and "all buffers: " in told and "lower bound: " in told
    assert "buffers, at" not in attnc("inspect", "good.attn", "--stage", "lowered", "--backend", "torch").stdout
    refused = attnc("inspect", "good.attn", "--stage", "lowered", "--size", "sea=64")
    assert refused.exit_code == 1 and "E090" in refused.output


def test_output_file(attnc, folder) -> None:
    result = attnc("inspect", "good.attn", "--format", "dot", "-o", "graph.dot")
    assert (result.exit_code, result.stdout) == (0, "")
    assert (folder / "graph.dot").read_text(encoding="utf-8") == attnc("inspect", "good.attn", "--format", "dot").stdout


PASSES = (
    "`fold-constants`",
    "`eliminate-common-subexpressions`",
    "`eliminate-dead-code`",
    "`find-attention-regions`",
    "`find-gate-regions`",
)


@pytest.mark.parametrize("stage", [name.strip("`") for name in PASSES])
def test_the_graph_right_after_a_pass(attnc, stage: str) -> None:
    document = json.loads(attnc("inspect", "good.attn", "--stage", stage, "--format", "json").stdout)
    assert document["schema"] == "attncomp.graph/1"
    fused = {node["operator"] for node in document["nodes"]} >= {"region"}
    assert fused == (stage in ("find-attention-regions", "find-gate-regions"))


def test_emitted(attnc) -> None:
    assert attnc("inspect", "good.attn", "--stage", "emitted").stdout == attnc("compile", "good.attn").stdout
    torch = attnc("inspect", "good.attn", "--stage", "emitted", "--backend", "torch").stdout
    assert "import torch" in torch


def test_what_a_pass_changed(attnc) -> None:
    text = attnc("inspect", "good.attn", "--diff", "find-attention-regions").stdout
    assert text.startswith("find-attention-regions: ")
    assert "+ %" in text and "= region(" in text and "- " in text and "good.attn:7" in text
    document = json.loads(attnc("inspect", "good.attn", "--diff", "find-attention-regions", "--format", "json").stdout)
    assert document["schema"] == "attncomp.diff/1"
    assert attnc("inspect", "good.attn", "--diff", "find-gate-regions").stdout == "find-gate-regions: no change\n"


def test_a_difference_in_colour(attnc, folder) -> None:
    text = attnc("inspect", "good.attn", "--diff", "find-attention-regions", "--color", "always").stdout
    plain = attnc("inspect", "good.attn", "--diff", "find-attention-regions").stdout
    assert "\x1b[31m- " in text and "\x1b[32m+ " in text
    assert re.sub(r"\x1b\[\d+m", "", text) == plain
    attnc("inspect", "good.attn", "--diff", "find-attention-regions", "--color", "always", "-o", "diff.txt")
    assert (folder / "diff.txt").read_text(encoding="utf-8") == plain


def test_a_mistake_lists_the_stages_and_the_passes(attnc) -> None:
    message = attnc("inspect", "good.attn", "--stage", "lowred").stderr
    assert "error[E090]: there is no stage `lowred`, only `tree`, `built`, `fold-constants`, " in message
    assert "`optimized`, `lowered` and `emitted`" in message and "did you mean `lowered`?" in message
    assert all(name in message for name in PASSES)
    message = attnc("inspect", "good.attn", "--diff", "built").stderr
    assert "error[E090]: there is no pass `built`, only `fold-constants`, " in message
    assert all(name in message for name in PASSES)


def test_costs_at_given_sizes(attnc) -> None:
    text = attnc("inspect", "good.attn", "--size", "batch=10", "--size", "seq=100").stdout
    assert " at batch = 10, seq = 100" in text
    assert "error[E090]: the model binds no size `sec`" in attnc("inspect", "good.attn", "--size", "sec=1").stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--diff", "fold-constants", "--format", "dot"), "there is no format `dot`, only `text` and `json`"),
        (("--stage", "emitted", "--format", "json"), "there is no format `json`, only `text`"),
        (("--stage", "built", "--diff", "fold-constants"), "`--diff` shows a pass, and `--stage` a stage"),
        (("--format", "png"), "there is no format `png`, only `text`, `json`, `dot`, `html` and `svg`"),
        (("--depth", "1"), "`--depth` is for `--format svg`"),
        (("--format", "svg", "--depth", "-1"), "a depth is a number from 0 on, not `-1`"),
        (("--format", "svg", "--depth", "two"), "a depth is a number from 0 on, not `two`"),
        (("--stage", "tree", "--format", "dot"), "there is no format `dot`, only `text` and `json`"),
        (("--backend", "nunpy"), "there is no backend `nunpy`"),
    ],
)
def test_mistakes(attnc, arguments: tuple[str, ...], message: str) -> None:
    result = attnc("inspect", "good.attn", *arguments)
    assert result.exit_code == 1
    assert f"error[E090]: {message}" in result.stderr
