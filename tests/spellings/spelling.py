"""A spelling: a model file whose first comments say what the compiler must make of it, and numbers to run it on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from attncomp import pipeline
from attncomp.ir.graph import Graph, Node
from attncomp.ir.layouts import dimensions
from attncomp.ir.operators.access import get

HERE = Path(__file__).parent
# What symbols stand for, in their order, in two calls of one module.
_SIZES = ((2, 3, 5, 4, 7), (1, 4, 2, 3, 5))
_NUMPY = {"f32": np.float32, "f16": np.float16, "i64": np.int64, "bool": np.bool_}


@dataclass(frozen=True)
class Spelling:
    """One file. Comments of the form `# word: text` before the model are read by the tests."""

    path: Path

    @cached_property
    def said(self) -> Mapping[str, tuple[str, ...]]:
        """The texts of each word, in order."""
        found: dict[str, list[str]] = {}
        for word, text in re.findall(r"^# (\w+): (.+)$", self.path.read_text(encoding="utf-8"), re.MULTILINE):
            found.setdefault(word, []).append(text)
        return {word: tuple(texts) for word, texts in found.items()}

    def first(self, word: str, otherwise: str = "") -> str:
        """The first text of a word."""
        return self.said.get(word, (otherwise,))[0]

    @cached_property
    def built(self) -> pipeline.Built:
        """The graph before any pass."""
        return pipeline.build(pipeline.parse(self.path))

    @cached_property
    def optimised(self) -> pipeline.Optimised:
        """The graph behind all passes."""
        return pipeline.optimise(self.built.graph)

    def parameters(self) -> dict[str, np.ndarray]:
        """A number for each parameter, the same in every run."""
        random = np.random.default_rng(7)
        return {
            get(node.attributes, "key", str): random.normal(size=_shape(node, {})).astype(np.float32)
            for node in self.built.graph.nodes("parameter")
        }

    def inputs(self, call: int) -> dict[str, np.ndarray]:
        """Inputs for one of two calls of different sizes; masks hide a first row as a whole, and none of a last one."""
        graph = self.built.graph
        sizes = dict(zip(graph.symbols(), _SIZES[call], strict=False))
        for given in self.said.get("sizes", ())[call : call + 1]:
            sizes |= {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", given)}
        random = np.random.default_rng(call)
        return {
            get(node.attributes, "name", str): self._drawn(node, _shape(node, sizes), random)
            for node in graph.nodes("input")
        }

    def _drawn(self, node: Node, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        dtype = _NUMPY[str(node.type.dtype)]
        name = get(node.attributes, "name", str)
        if dtype is np.bool_ or name == "mask":
            kept = random.random(shape) < 0.6
            rows = kept.reshape(-1, shape[-1])
            rows[0], rows[-1] = False, True
            if dtype is np.bool_:
                return kept
            hidden = 0.0 if name in self.first("binary") else -np.inf
            return np.where(kept, 1.0 + hidden if hidden == 0 else 0.0, hidden).astype(dtype)
        if dtype is np.int64:
            return (np.arange(int(np.prod(shape))).reshape(shape) % 3).astype(np.int64)
        return random.normal(size=shape).astype(dtype)


def _shape(node: Node, sizes: Mapping[str, int]) -> tuple[int, ...]:
    layout = node.attributes["layout"]
    assert isinstance(layout, tuple)
    return tuple(size.evaluate(sizes) for size in dimensions(node.type, layout))  # type: ignore[arg-type]


@cache
def spelling(folder: str, name: str) -> Spelling:
    """One file, built at most once."""
    return Spelling(HERE / folder / f"{name}.attn")


def names(folder: str) -> list[str]:
    """All files of a folder."""
    return sorted(path.stem for path in (HERE / folder).glob("*.attn"))


def bodies(graph: Graph, kind: str) -> list[tuple[Node, Graph]]:
    """The regions of one kind, with their bodies."""
    regions = [node for node in graph.nodes("region") if node.attributes["kind"] == kind]
    return [(region, get(region.attributes, "body", Graph)) for region in regions]
