"""Model files that use every construct of the language, and helpers shared by the tests of `tests/syntax`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from attncomp.diagnostics.core import Span

HERE = Path(__file__).parent / "syntax"

EVERYTHING = """\
from std.nn import MLP, SE
from "blocks/se.attn" import Gate
fn scale(x, by = 2) = x * by
fn attend(q: {query, key}, k: {source, key}, v: {source, value}) -> {query, value} =
  softmax{source}(q @{key} k / sqrt(|key|)) @{source} v
block SE{reduction = 16, name}(x: {channel, height, width}) -> {channel, height, width} {
  axis hidden = |channel| / reduction
  layer fc1 = Linear{channel -> hidden}
  gate = sigmoid(fc1(mean{height, width}(x)))
  return x * gate
}
block Two{heads = 8, on = true}(x: {seq, embed}, mask: bool{seq, seq'} = none) -> (y: {seq}, w: {embed}) {
  axis head = heads, key = |embed| / heads
  layer q = Linear{embed -> (head key)} as "q.0"
  layer blocks[12] = SE{reduction = -8, name = "a b"}
  layer steps[i in 0..12] = SE{reduction = if i % 2 == 0 then 0 else 3} as "convs.{i + 1}"
  param table: f32[(head key), head, 1] as "table" ~ trunc_normal(0.02)
  param empty: [] ~ ones
  fn local(a: {seq}) -> {seq} = -a ** 2
  for b in blocks { x = b(x) }
  for i in 0..|x.seq| - 1 {
    x = steps[i](x, mask = mask)
    for j in 1..i * (2 + 3) // 2 { x = x }
  }
  e: {seq, embed} = where(mask is not none and not on or 1 <= 2, cast{f16}(x), -inf)
  p, r = Two{heads: key, dilation = [1, 2, 3][0]}(x[seq -> (a b), embed = 1..][(a b) -> seq, embed = ..-1])
  t = p @{seq, (a b)} (p - r) @{seq} -p - r @{seq} [1, 2]
  s = x[embed = 0, seq = arange{seq} - 1] + |x.embed| * 1.5e-3 - 2 / 3 // 4 % 5
  fuse! u: {seq, embed} = softmax{seq}(fuse) @{seq} s
  fuse! for b in blocks { x = b(x) }
  w = Conv{embed -> one, height: 3, (rows i): (a b), padding = same}(s)
  fuse! return p, if mask is none then r else w
}
model Main{window = 7}(x: f32[batch, height = 56, (a b), 1], mask: bool[batch] = none) -> f32[batch, height] {
  return x
}
model Pair(t: i64[batch]) -> (y: f32[batch], z: f16[batch]) { return t, t }
"""


def without_spans(node: object) -> object:
    """A tree as nested tuples, the places left out."""
    if isinstance(node, tuple):
        return tuple(without_spans(item) for item in node)
    if isinstance(node, Span):
        return None
    if dataclasses.is_dataclass(node):
        fields = dataclasses.fields(node)
        return (type(node).__name__, *(without_spans(getattr(node, field.name)) for field in fields))
    return node
