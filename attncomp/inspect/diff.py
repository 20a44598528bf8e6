"""What one pass changed in a graph: nodes matched by their numbers, which a graph never gives twice.

    find-attention-regions: 96 nodes before, 74 after; 24 removed, 0 added, 6 changed

    @@ encoder.layer.{0..5} @@ 6 alike, with the numbers of encoder.layer.0
      ... 9 unchanged
    - %12 "scores" = contract(%9, %11) {axes = {key}} : f32{batch, head=12, seq, seq'=seq} @ minilm.attn:20
    + %15 = region(%9, %11, %14) {kind = "attention"} : f32{batch, head=12, seq, key=32} @ minilm.attn:22

A hunk is a layer, the innermost one that is one of several; layers in which the same was changed share a hunk, which
shows the first of them. Nodes keep their numbers (`%12`), so that no line differs by renumbering alone; what is read
by a changed line is shown beside it, all else is folded into a count.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from attncomp.inspect.scopes import merged_paths
from attncomp.inspect.text import type_text
from attncomp.ir.graph import Graph, Node
from attncomp.ir.print import operation_text, result_text
from attncomp.ir.scopes import pattern, repeated_part

# A longer list of attributes, such as an array of numbers, says nothing to a reader.
_LONGEST = 160

# What a parameter that did not change need not say beside a line that did.
_UNSAID = frozenset({"initializer", "layout", "trainable", "body"})

_NUMBER_IN_PATH = re.compile(r'(?<=\.)\d+(?=[."])')


@dataclass(frozen=True)
class Change:
    """A node before and after: removed where there is no `after`, added where there is no `before`."""

    identity: int
    before: Node | None
    after: Node | None
    changed: bool

    @property
    def node(self) -> Node:
        """The node as it is, or as it last was."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True)
class Difference:
    """Two states of a graph, and every node of either, in an order that fits both."""

    before: Graph
    after: Graph
    changes: tuple[Change, ...]

    @property
    def removed(self) -> tuple[Change, ...]:
        """The nodes that are gone."""
        return tuple(change for change in self.changes if change.after is None)

    @property
    def added(self) -> tuple[Change, ...]:
        """The nodes that are new."""
        return tuple(change for change in self.changes if change.before is None)

    @property
    def changed(self) -> tuple[Change, ...]:
        """The nodes that are in both, and not the same."""
        return tuple(change for change in self.changes if change.changed and change.before and change.after)

    @property
    def any(self) -> bool:
        """Whether anything differs: nodes, results or constraints."""
        same = (self.before.results, self.before.constraints) == (self.after.results, self.after.constraints)
        return not same or any(change.changed for change in self.changes)


def compare(before: Graph, after: Graph) -> Difference:
    """The difference of two states of one graph."""
    return Difference(before, after, tuple(_change(before, after, identity) for identity in _merged(before, after)))


def difference_to_text(difference: Difference, title: str) -> str:
    """The difference as text; `title` is the pass. Ends in a line break."""
    before, after = difference.before, difference.after
    if not difference.any:
        return f"{title}: no change\n"
    counts = (len(difference.removed), len(difference.added), len(difference.changed))
    lines = [
        f"{title}: {len(before)} nodes before, {len(after)} after; "
        f"{counts[0]} removed, {counts[1]} added, {counts[2]} changed"
    ]
    for hunk in _hunks(difference):
        lines += ["", *hunk]
    for what, old, new in (
        ("results", _results(before), _results(after)),
        ("constraints", _constraints(before), _constraints(after)),
    ):
        if old != new:
            lines += ["", f"@@ {what} @@", *_line_difference(old, new)]
    return "\n".join(lines) + "\n"


# --- matching ---------------------------------------------------------------------------------------------------


def _merged(before: Graph, after: Graph) -> Iterator[int]:
    """The nodes of both graphs, each once, removed ones where they stood."""
    waiting, seen = list(reversed(before.order())), set[int]()
    for identity in after.order():
        while identity not in seen and waiting and waiting[-1] != identity:
            passed = waiting.pop()
            if passed not in after and passed not in seen:
                seen.add(passed)
                yield passed
            elif passed in after and identity not in before:
                # A new node stands where the first old one that follows it stood.
                waiting.append(passed)
                break
        if waiting and waiting[-1] == identity:
            waiting.pop()
        if identity not in seen:
            seen.add(identity)
            yield identity
    yield from (identity for identity in reversed(waiting) if identity not in after and identity not in seen)


def _change(before: Graph, after: Graph, identity: int) -> Change:
    old = before.node(identity) if identity in before else None
    new = after.node(identity) if identity in after else None
    return Change(identity, old, new, old is None or new is None or _differ(before, after, old, new))


def _differ(before: Graph, after: Graph, old: Node, new: Node) -> bool:
    if before.operands(old.identity) != after.operands(new.identity):
        return True
    if old is new:
        return False
    return (old.operator, old.type, old.name) != (new.operator, new.type, new.name) or _plain(old) != _plain(new)


def _plain(node: Node) -> str:
    return operation_text(node, 0, ())


# --- hunks ------------------------------------------------------------------------------------------------------


def _hunks(difference: Difference) -> Iterator[list[str]]:
    """The lines of each hunk; layers in which the same was changed share one."""
    layers: dict[str, list[Change]] = {}
    for change in difference.changes:
        layers.setdefault(repeated_part(change.node.origin.scope), []).append(change)
    alike: dict[tuple[str, ...], list[str]] = {}
    for layer, changes in layers.items():
        if any(change.changed for change in changes):
            alike.setdefault((pattern(layer), *_likeness(difference, layer, changes)), []).append(layer)
    for paths in alike.values():
        title = f"@@ {merged_paths(paths) or '(model)'} @@"
        if len(paths) > 1:
            title += f" {len(paths)} alike, with the numbers of {paths[0]}"
        yield [title, *_hunk(difference, paths[0], layers[paths[0]])]


def _likeness(difference: Difference, layer: str, changes: Sequence[Change]) -> Iterator[str]:
    """What changed without what tells one repeated layer from another: numbers of nodes, numbers in paths and keys."""
    numbers: dict[int, int] = {}
    for change in changes:
        if not change.changed:
            continue
        for mark, graph, node in (("-", difference.before, change.before), ("+", difference.after, change.after)):
            if node is None:
                continue
            for identity in (*graph.operands(node.identity), node.identity):
                numbers.setdefault(identity, len(numbers))
            yield from (mark + _NUMBER_IN_PATH.sub("#", line) for line in _plain_lines(graph, node, numbers))
            yield _place(node, layer)


def _plain_lines(graph: Graph, node: Node, numbers: Mapping[int, int]) -> Iterator[str]:
    """A node and its body in full, without their places; what a body reads has no name, as it is another layer's."""
    operands = [numbers[operand] for operand in graph.operands(node.identity)]
    named = replace(node, name="") if node.operator == "input" else node
    yield f"{operation_text(named, numbers[node.identity], operands, without=('body',))} : {node.type}"
    body = node.attributes.get("body")
    if isinstance(body, Graph):
        within = {identity: number for number, identity in enumerate(body.order())}
        for inner in body.nodes():
            yield from _plain_lines(body, inner, within)
        yield from (result_text(result, within[result.node]) for result in body.results)


def _hunk(difference: Difference, layer: str, changes: Sequence[Change]) -> Iterator[str]:
    read = set[int]()
    for change in changes:
        for graph, node in ((difference.before, change.before), (difference.after, change.after)):
            if change.changed and node is not None:
                read.update(graph.operands(node.identity))
    folded = 0
    for change in changes:
        if not change.changed and change.identity not in read:
            folded += 1
            continue
        if folded:
            yield f"  ... {folded} unchanged"
            folded = 0
        if not change.changed:
            yield f"  {_line(difference.after, change.node, layer, _UNSAID)}"
            continue
        old = _node_lines(difference.before, change.before, layer)
        new = _node_lines(difference.after, change.after, layer)
        yield from _line_difference(old, new)
    if folded:
        yield f"  ... {folded} unchanged"


def _line_difference(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    for mark, old_from, old_to, new_from, new_to in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        if mark == "equal":
            yield from (f"  {line}" for line in new[new_from:new_to])
        else:
            yield from (f"- {line}" for line in old[old_from:old_to])
            yield from (f"+ {line}" for line in new[new_from:new_to])


# --- lines ------------------------------------------------------------------------------------------------------


def _node_lines(graph: Graph, node: Node | None, layer: str, indent: str = "") -> list[str]:
    """A node in a line, and below it the body of a region."""
    if node is None:
        return []
    lines = [indent + _line(graph, node, layer, ("body",))]
    body = node.attributes.get("body")
    if isinstance(body, Graph):
        for inner in body.nodes():
            lines += _node_lines(body, inner, layer, indent + "    ")
        lines += [f"{indent}    {line}" for line in _results(body)]
    return lines


def _line(graph: Graph, node: Node, layer: str, without: Collection[str]) -> str:
    text = operation_text(node, node.identity, graph.operands(node.identity), without=without)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} ..."
    return f"{text} : {type_text(node.type)}{_place(node, layer)}"


def _place(node: Node, layer: str) -> str:
    """Where the node comes from: its line, and its layer within the one of the hunk."""
    span, scope = node.origin.span, node.origin.scope
    inner = scope if not layer else "" if scope == layer else scope.removeprefix(f"{layer}.")
    return (f" @ {span.file}:{span.line}" if span else "") + (f" in {inner}" if inner else "")


def _results(graph: Graph) -> list[str]:
    return [result_text(result, result.node) for result in graph.results]


def _constraints(graph: Graph) -> list[str]:
    return [f"require {constraint}" for constraint in graph.constraints]
