"""How functions of a NumPy module differ from those of other backends: arrays, attention, layers of a loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncomp.emission.body import Body, Scope
from attncomp.emission.expressions import Expression
from attncomp.emission.functions import LoopBinding
from attncomp.emission.pieces import write_in_pieces
from attncomp.emission.rules import RuleTable
from attncomp.lowering.program import AttentionForm, Loop, Pieces, Region
from attncomp_numpy import layers, pointwise, structure
from attncomp_numpy.plan import Plan, fields_of, loops_of

TABLE = RuleTable(
    {
        **{name: pointwise.kept_narrow(rule) for name, rule in pointwise.RULES.items()},
        **structure.RULES,
        **{name: pointwise.kept_narrow(rule) for name, rule in layers.RULES.items()},
    },
    infinity="np.inf",
    nan="np.nan",
    buffer=structure.buffer,
    room=structure.room,
)


class NumpyDialect:
    """Writes the functions of one program. `plan` is set before the functions of loops are written."""

    array = "Array"
    table = TABLE

    def __init__(self) -> None:
        self.plan = Plan((), (), (), ())

    def attention(self, form: AttentionForm, operands: Mapping[str, Expression], scope: Scope) -> Expression | None:
        """None: an attention runs piece by piece, as every region."""
        return None

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
        """Into arrays that the pieces fill, on several threads."""
        write_in_pieces(body, region, pieces, name, arguments, further, asks_memory)

    def loop(self, loop: Loop, element: str, outer: str | None) -> LoopBinding:
        """Iterates over the tuple of the layers' weights."""
        plan = next(one for one in loops_of(self.plan) if one.loop is loop)
        field = fields_of(self.plan)[id(loop)]
        return LoopBinding(f"{outer or 'self'}.{field}", plan.class_name, plan.plan.texts(element))
