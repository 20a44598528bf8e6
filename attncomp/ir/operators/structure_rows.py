"""The rows of the structural operators, with their samples."""

from __future__ import annotations

from attncomp.ir.graph import Attribute
from attncomp.ir.operators import structure
from attncomp.ir.operators.base import Evaluate, Infer, Operator, Sample
from attncomp.ir.operators.samples import value_type
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType

_F, _I, _B = DType.F32, DType.I64, DType.BOOL
_TOKENS = value_type(_F, batch=2, seq=5, embed=6)


def _sample(*operands: ValueType, ranges: tuple[tuple[float, float], ...] = (), **attributes: Attribute) -> Sample:
    return Sample(operands, attributes, ranges)


def _row(
    name: str,
    arity: int | None,
    kinds: dict[str, str],
    infer: Infer,
    evaluate: Evaluate,
    summary: str,
    *samples: Sample,
) -> Operator:
    return Operator(name, "structure", arity, kinds, infer, evaluate, samples, summary)


STRUCTURE: tuple[Operator, ...] = (
    _row(
        "rename",
        1,
        {"names": "pairs"},
        structure.infer_rename,
        structure.evaluate_rename,
        "other names for axes, all at once",
        _sample(_TOKENS, names=(("seq", "seq'"),)),
        _sample(_TOKENS, names=(("seq", "embed"), ("embed", "seq"))),
    ),
    _row(
        "split",
        1,
        {"axis": "name", "into": "axes"},
        structure.infer_split,
        structure.evaluate_split,
        "one axis as several, leftmost major",
        _sample(_TOKENS, axis="embed", into=(Axis.of("head", 2), Axis.of("key", 3))),
        _sample(_TOKENS, axis="seq", into=(Axis.of("one", 1), Axis.of("seq", 5))),
        _sample(value_type(_I, seq=12), axis="seq", into=(Axis.of("a", 2), Axis.of("b", 3), Axis.of("c", 2))),
    ),
    _row(
        "merge",
        1,
        {"axes": "names", "into": "axis"},
        structure.infer_merge,
        structure.evaluate_merge,
        "several axes as one, leftmost major",
        _sample(_TOKENS, axes=("embed", "seq"), into=Axis.of("feature", 30)),
        _sample(_TOKENS, axes=("batch", "embed"), into=Axis.of("batch", 12)),
        _sample(_TOKENS, axes=("seq",), into=Axis.of("place", 5)),
    ),
    _row(
        "index",
        1,
        {"axis": "name", "position": "size"},
        structure.infer_index,
        structure.evaluate_index,
        "one place of an axis, which is dropped",
        _sample(_TOKENS, axis="seq", position=Size.of(4)),
        _sample(value_type(_B, one=1, seq=3), axis="one", position=Size.of(0)),
    ),
    _row(
        "slice",
        1,
        {"axis": "name", "start": "size", "stop": "size"},
        structure.infer_slice,
        structure.evaluate_slice,
        "a stretch of an axis, which keeps its name",
        _sample(_TOKENS, axis="embed", start=Size.of(2), stop=Size.of(5)),
        _sample(value_type(_I, seq=4), axis="seq", start=Size.of(0), stop=Size.of(1)),
    ),
    _row(
        "gather",
        None,
        {"axes": "names"},
        structure.infer_gather,
        structure.evaluate_gather,
        "places of axes looked up by tensors of positions; an axis that both have is a batch",
        _sample(
            value_type(_F, vocab=7, embed=3), value_type(_I, batch=2, seq=5), axes=("vocab",), ranges=((-2, 2), (0, 6))
        ),
        _sample(
            value_type(_F, batch=2, seq=5, embed=3),
            value_type(_I, batch=2, pick=4),
            axes=("seq",),
            ranges=((-2, 2), (0, 4)),
        ),
        _sample(
            value_type(_F, dy=4, dx=3, head=2),
            value_type(_I, i=3, **{"i'": 3}),
            value_type(_I, j=2, **{"j'": 2}),
            axes=("dy", "dx"),
            ranges=((-2, 2), (0, 3), (0, 2)),
        ),
        _sample(
            value_type(_F, batch=2, dy=4, head=3, dx=3),
            value_type(_I, head=3, i=5),
            value_type(_I, i=5, batch=2),
            axes=("dy", "dx"),
            ranges=((-2, 2), (0, 3), (0, 2)),
        ),
        _sample(value_type(_F, seq=5), value_type(_I), axes=("seq",), ranges=((-2, 2), (0, 4))),
        _sample(value_type(_I, one=1, seq=4), value_type(_I, seq=4), axes=("one",), ranges=((-2, 2), (0, 0))),
    ),
    _row(
        "concat",
        None,
        {"axis": "axis"},
        structure.infer_concat,
        structure.evaluate_concat,
        "values one after the other along an axis that they have",
        _sample(_TOKENS, value_type(_F, embed=2, batch=2, seq=5), axis=Axis.of("embed", 8)),
        _sample(value_type(_I, seq=1), value_type(_I, seq=3), value_type(_I, seq=2), axis=Axis.of("seq", 6)),
    ),
    _row(
        "stack",
        None,
        {"axis": "axis"},
        structure.infer_stack,
        structure.evaluate_stack,
        "values one after the other along a new axis",
        _sample(_TOKENS, value_type(_F, embed=6, batch=2, seq=5), axis=Axis.of("stat", 2)),
        _sample(value_type(_F), axis=Axis.of("one", 1)),
        _sample(value_type(_I, seq=3), value_type(_I, seq=3), value_type(_I, seq=3), axis=Axis.of("part", 3)),
    ),
    _row(
        "pad",
        1,
        {"axis": "name", "before": "size", "after": "size", "value": "float"},
        structure.infer_pad,
        structure.evaluate_pad,
        "an axis with places of one value added at its ends",
        _sample(_TOKENS, axis="seq", before=Size.of(1), after=Size.of(2), value=0.5),
        _sample(value_type(_I, seq=3), axis="seq", before=Size.of(0), after=Size.of(2), value=-1.0),
    ),
    _row(
        "roll",
        1,
        {"axis": "name", "shift": "size"},
        structure.infer_along,
        structure.evaluate_roll,
        "an axis shifted in a circle: place p goes to p + shift",
        _sample(_TOKENS, axis="seq", shift=Size.of(2)),
        _sample(_TOKENS, axis="embed", shift=Size.of(-1)),
        _sample(value_type(_I, seq=4), axis="seq", shift=Size.of(9)),
    ),
    _row(
        "flip",
        1,
        {"axis": "name"},
        structure.infer_along,
        structure.evaluate_flip,
        "an axis in reverse",
        _sample(_TOKENS, axis="seq"),
        _sample(value_type(_B, seq=4, one=1), axis="one"),
    ),
    _row(
        "cumsum",
        1,
        {"axis": "name"},
        structure.infer_cumsum,
        structure.evaluate_cumsum,
        "the sum of all places up to each; whole numbers and booleans in i64",
        _sample(_TOKENS, axis="seq"),
        _sample(value_type(_I, batch=2, seq=4), axis="seq", ranges=((-9, 9),)),
        _sample(value_type(_B, seq=6), axis="seq"),
    ),
)
