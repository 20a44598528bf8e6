"""How functions of a torch module differ from those of other backends: arrays, attention, layers of a loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attncomp.emission.body import Body, Scope
from attncomp.emission.expressions import Expression, tuple_text
from attncomp.emission.functions import LoopBinding
from attncomp.emission.rules import RuleTable
from attncomp.lowering.program import AttentionForm, Loop, Parameter, Pieces, Program, Region, Statement
from attncomp_torch import images, layers, pointwise, structure
from attncomp_torch.by_queries import write_by_queries
from attncomp_torch.parameters import Branch, access_text, branch_at


class TorchDialect:
    """Writes the functions of one program, whose parameters are the tree `root`."""

    array = "Tensor"

    def __init__(self, program: Program, root: Branch) -> None:
        self._root = root
        self._places = dict(_places(program.steps, ""))
        self.texts = self._weights("self", [], program.parameters)
        self.table = RuleTable(
            {
                **pointwise.RULES,
                **structure.RULES,
                **layers.RULES,
                **images.RULES,
            },
            infinity="torch.inf",
            nan="torch.nan",
            repeats=frozenset({"floor_divide", "modulo"}),
        )

    def attention(self, form: AttentionForm, operands: Mapping[str, Expression], scope: Scope) -> Expression | None:
        """A call of PyTorch's attention."""
        return layers.attention(form, operands, scope)

    def in_pieces(
        self,
        body: Body,
        region: Region,
        pieces: Pieces,
        name: str,
        arguments: Sequence[str],
        further: Sequence[str],
        asks_memory: bool,
    ) -> None:
        """A function of a piece of the queries, and the call that puts its results together."""
        write_by_queries(body, region, pieces, name, arguments, further)

    def loop(self, loop: Loop, element: str, outer: str | None) -> LoopBinding:
        """Iterates over the groups of the layers; a layer without weights is the module itself, once an iteration."""
        before = self._places[id(loop)]
        start = "self" if outer is None else outer
        base = branch_at(self._root, _segments(before))
        paths = [_segments(prefix) for prefix in loop.prefixes]
        weightless = not any(_has(base, path) for path in paths)
        if weightless:
            return LoopBinding(f"[{start}] * {len(paths)}", "Group", {}, loop.prepare)
        texts = self._weights(element, _segments(before) + paths[0], loop.parameters)
        return LoopBinding(_iterable(base, start, paths), "Group", texts, loop.prepare)

    def _weights(self, start: str, path: Sequence[str], parameters: Sequence[Parameter]) -> dict[str, Expression]:
        """The expressions of parameters, by value, below the group at `path`, which is `start`."""
        branch = branch_at(self._root, path)
        texts = {}
        for parameter in parameters:
            segments = parameter.key.split(".")
            text = access_text(branch, start, segments)
            texts[parameter.value.name] = Expression(text)
        return texts


def _places(body: Sequence[Statement], prefix: str) -> Iterator[tuple[int, str]]:
    """For every loop the key of the layer that it is in, the first of them where that is one of several."""
    for statement in body:
        if isinstance(statement, Loop):
            yield id(statement), prefix
            yield from _places(statement.steps, prefix + statement.prefixes[0])


def _segments(prefix: str) -> list[str]:
    return [segment for segment in prefix.split(".") if segment]


def _has(base: Branch, path: Sequence[str]) -> bool:
    try:
        branch_at(base, path)
    except KeyError:
        return False
    return True


def _iterable(base: Branch, start: str, paths: Sequence[Sequence[str]]) -> str:
    """The list of layers, a slice of it, or a tuple of layers that are no list."""
    *parent, first = paths[0]
    count = len(paths)
    owner = branch_at(base, parent)
    if owner.is_list and first.isdigit():
        begin = int(first)
        if [list(path) for path in paths] == [[*parent, str(begin + step)] for step in range(count)]:
            text = access_text(base, start, parent)
            end = "" if begin + count == len(owner.members) else str(begin + count)
            return text if count == len(owner.members) else f"{text}[{begin or ''}:{end}]"
    return tuple_text(access_text(base, start, path) for path in paths)
