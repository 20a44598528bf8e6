"""Writes an attention that no kernel takes: a function of some of its queries, called for some after the others."""

from __future__ import annotations

from collections.abc import Sequence

from attncomp.emission.body import Body
from attncomp.emission.expressions import Argument, call
from attncomp.emission.layout import definition, statement
from attncomp.emission.pieces import bytes_text, cut_text
from attncomp.emission.sizes import size_expression
from attncomp.emission.text import identifier
from attncomp.lowering.program import Pieces, Region, Step, statements


def write_by_queries(
    body: Body, region: Region, pieces: Pieces, name: str, arguments: Sequence[str], further: Sequence[str]
) -> None:
    """Calls the function `name` on pieces of `arguments`, and on what else it needs.

    def attend(start: int, stop: int) -> Tensor:
        return attention(query[:, :, start:stop], key, value, start)

    attended = by_queries(attend, query_size, 4 * source, 2)
    """
    scope = body.scope
    (cut,) = pieces.cuts
    names = scope.names.child()
    start, stop = (names.claim(f"{identifier(cut.axis)}_{end}") for end in ("start", "stop"))
    read: list[Argument] = [
        argument + cut_text([cut.inputs[place]], [f"{start}:{stop}"]) for place, argument in enumerate(arguments)
    ]
    made = call(name, *read, *[start] * (cut.start is not None), *further)
    results = [value.name for value in region.results]
    work = scope.names.claim(f"attend_{results[0]}" if len(results) > 1 else f"make_{results[0]}")
    annotation = "Tensor" if len(results) == 1 else f"tuple[{', '.join(['Tensor'] * len(results))}]"
    body.lines += ["", *definition(work, [f"{start}: int", f"{stop}: int"], annotation, body.depth)]
    body.lines += [*statement("return ", made, body.depth + 1), ""]
    size = size_expression(cut.size, scope.variable)
    dims = [str(dim) for dim in cut.results]
    drawn = any(isinstance(step, Step) and step.operator == "dropout" for step in statements(region.body))
    together = "by_queries" if len(results) == 1 else "all_by_queries"
    asked = call(
        scope.use(together), work, size, bytes_text(body, region, pieces), *dims, random="True" if drawn else None
    )
    body.assign_all(region.results, asked)
