from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sample_graphs import layers, with_region

from attncomp.inspect.scopes import merged_paths
from attncomp.inspect.text import layer_rows, listing, summary
from attncomp.inspect.tree import tree_to_text
from attncomp.syntax.parse import parse

ROOT = Path(__file__).parents[2]


def test_layers_that_are_alike_share_a_row() -> None:
    tower, model = layer_rows(layers(3))
    assert tower.scopes == ("blocks.0", "blocks.1", "blocks.2")
    assert tower.path == "blocks.{0..2}"
    assert tower.operators == ("add",)
    assert tower.parameters == 4
    assert model.path == "(model)"
    assert model.operators == ("relu",)


def test_summary() -> None:
    assert summary(layers(3)) == (
        "model Tower\n\n"
        "inputs\n"
        "  x: f32[batch, embed = 4]\n\n"
        "layer          operators  output               parameters  operations          traffic  region\n"
        "-------------  ---------  -------------------  ----------  ----------  ---------------  ------\n"
        "blocks.{0..2}  add        f32{batch, embed=4}       3 x 4  12 * batch  96 * batch + 48\n"
        "(model)        relu       f32{batch, embed=4}               4 * batch       32 * batch\n\n"
        "results\n"
        "  y: f32[batch, embed = 4]\n\n"
        "4 operators, 3 parameters with 12 numbers in 48 bytes\n"
        "operations: 16 * batch\n"
        "traffic: 128 * batch + 48\n"
        "sizes bound at each call: batch\n"
    )


def test_sizes_bind_costs() -> None:
    text = summary(layers(1), {"batch": 1000})
    assert "operations: 8 k at batch = 1000\ntraffic: 62.5 KiB at batch = 1000\n" in text


def test_a_layer_names_its_regions() -> None:
    row = layer_rows(with_region())[0]
    assert (row.path, row.regions) == ('a"b.0.c', ("attention",))


def test_a_graph_too_large_to_be_read_is_not_listed() -> None:
    assert listing(layers(2)).startswith('graph "Tower" {')
    assert listing(layers(3000)) == (
        'graph "Tower" has 6,002 nodes, more than a listing shows: `--format json` holds them all'
    )


def test_summary_counts_regions() -> None:
    text = summary(with_region())
    assert "attention region" in text
    assert "\nregions: 1 attention\n" in text
    assert "x: f32[seq = batch, 1]" in text


@pytest.mark.parametrize(
    ("scopes", "merged"),
    [
        (["a"], "a"),
        (["a", "b"], "a, b"),
        (["l.0.q", "l.1.q", "l.2.q"], "l.{0..2}.q"),
        (["l.0", "l.2", "l.5"], "l.{0,2,5}"),
        (["l.0.a", "l.0.b", "l.1.a"], "l.{0..1}.a, l.0.b"),
        (["", "l.1"], "l.1"),
        ([""], ""),
    ],
)
def test_merged_paths(scopes: list[str], merged: str) -> None:
    assert merged_paths(scopes) == merged


def test_tree_as_text() -> None:
    text = tree_to_text(parse("block G(x: {a, b}) -> {a} {\n  return mean{b}(x)\n}\n", "g.attn"))
    assert text == (
        "File  @1:1\n"
        "  items:\n"
        "    Block name=G  @1:1\n"
        "      inputs:\n"
        "        Input name=x type={a, b}  @1:9\n"
        "      outputs:\n"
        "        Output type={a}  @1:23\n"
        "      body:\n"
        "        ReturnStatement  @2:3\n"
        "          values:\n"
        "            Call  @2:10\n"
        "              function: Reference name=mean  @2:10\n"
        "                statics:\n"
        "                  StaticAxis term=b  @2:15\n"
        "              arguments:\n"
        "                Argument value=x  @2:18\n"
    )


def test_output_does_not_depend_on_the_hash_seed() -> None:
    program = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from sample_graphs import layers, with_region\n"
        "from attncomp.inspect import dot, json, text\n"
        "for graph in (layers(4), with_region()):\n"
        "    print(dot.graph_to_dot(graph), json.graph_to_json(graph), text.summary(graph))\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert "digraph" in outputs.pop()
