"""What operators do not take, and what they say about it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from attncomp.ir.graph import Attribute
from attncomp.ir.operators.base import OperatorError
from attncomp.ir.operators.samples import real_value, value_type
from attncomp.ir.operators.table import infer
from attncomp.ir.operators.windows import spatial
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType

F = real_value
I64 = value_type(DType.I64, seq=5)
MASK = value_type(DType.BOOL, seq=5)
IMAGE = F(batch=2, channel=4, height=3)
PLAIN = spatial((1,), (1,), (0,), (0,))


def _convolution(**changes: Attribute) -> dict[str, Attribute]:
    return {
        "channel": "channel",
        "out": Axis.of("feature", 6),
        "axes": ("height",),
        "kernels": ("tap",),
        "groups": 1,
        **PLAIN,
        **changes,
    }


CASES: list[tuple[str, str, tuple[ValueType, ...], Mapping[str, Attribute], str]] = [
    ("add", "E030", (F(seq=4), F(seq=5)), {}, "`seq` has size 4 in one operand and 5"),
    ("add", "E041", (F(seq=4),), {}, "takes 2 values"),
    ("exp", "E042", (F(seq=4), F(seq=4)), {}, "takes 1 values"),
    ("exp", "E045", (MASK,), {}, "`exp` takes numbers, and this is bool"),
    ("add", "E045", (MASK, MASK), {}, "takes numbers"),
    ("where", "E045", (F(seq=5), F(seq=5), F(seq=5)), {}, "condition"),
    ("logical_and", "E045", (MASK, F(seq=5)), {}, "and this is f32"),
    ("gelu", "E040", (F(seq=5),), {"approximate": "fast"}, "no form `fast`"),
    ("clamp", "E045", (I64,), {"low": 0.5, "high": None}, "whole numbers"),
    ("sum", "E023", (F(batch=2, height=4),), {"axes": ("hieght",)}, "it has {batch, height}"),
    ("sum", "E022", (F(batch=2),), {"axes": ("batch", "batch")}, "named twice"),
    ("var", "E045", (MASK,), {"axes": ("seq",)}, "and this is bool"),
    ("argmax", "E030", (F(seq=0),), {"axis": "seq"}, "size 0"),
    ("softmax", "E023", (F(batch=2),), {"axes": ("seq",)}, "lacks the axis `seq`"),
    ("contract", "E023", (F(a=2, k=3), F(b=2)), {"axes": ("k",)}, "lacks the axis `k`"),
    ("contract", "E030", (F(a=2, k=3), F(k=4)), {"axes": ("k",)}, "`k` has size 3"),
    ("contract", "E045", (MASK, MASK), {"axes": ("seq",)}, "takes numbers"),
    ("batch_norm", "E043", (IMAGE, F(height=3), *(F(channel=4),) * 3), {"axis": "channel", "epsilon": 1e-5,
     "momentum": 0.1}, "statistics"),
    ("dropout", "E040", (IMAGE,), {"rate": 1.0}, "below 1"),
    ("rename", "E022", (F(a=2, b=3),), {"names": (("a", "b"),)}, "two axes `b`"),
    ("rename", "E023", (F(a=2, b=3),), {"names": (("c", "d"),)}, "lacks the axis `c`"),
    ("rename", "E022", (F(a=2),), {"names": (("a", "b"), ("a", "c"))}, "named twice"),
    ("split", "E030", (F(seq=7),), {"axis": "seq", "into": (Axis.of("a", 2), Axis.of("b", 3))}, "size 7"),
    ("split", "E022", (F(seq=6, b=3),), {"axis": "seq", "into": (Axis.of("a", 2), Axis.of("b", 3))}, "two axes `b`"),
    ("merge", "E030", (F(a=2, b=3),), {"axes": ("a", "b"), "into": Axis.of("c", 5)}, "5"),
    ("merge", "E041", (F(a=2),), {"axes": (), "into": Axis.of("c", 1)}, "no axes"),
    ("index", "E034", (F(a=2),), {"axis": "a", "position": Size.of(2)}, "position 2 is out of range"),
    ("index", "E034", (F(a=2),), {"axis": "a", "position": Size.of(-1)}, "position -1 is out of range"),
    ("slice", "E034", (F(a=4),), {"axis": "a", "start": Size.of(3), "stop": Size.of(1)}, "before it starts"),
    ("slice", "E034", (F(a=4),), {"axis": "a", "start": Size.of(0), "stop": Size.of(5)}, "out of range"),
    ("gather", "E045", (F(vocab=4), F(seq=2)), {"axes": ("vocab",)}, "whole numbers, and this is f32"),
    ("gather", "E030", (F(batch=3, vocab=4), value_type(DType.I64, batch=2)), {"axes": ("vocab",)}, "`batch`"),
    ("gather", "E041", (F(vocab=4),), {"axes": ("vocab",)}, "looked up"),
    ("concat", "E043", (F(a=2), F(a=2, b=3)), {"axis": Axis.of("a", 4)}, "same axes"),
    ("concat", "E030", (F(a=2), F(a=2)), {"axis": Axis.of("a", 5)}, "size 5"),
    ("stack", "E030", (F(a=2), F(a=2)), {"axis": Axis.of("n", 3)}, "size 3"),
    ("stack", "E022", (F(a=2), F(a=2)), {"axis": Axis.of("a", 2)}, "two axes `a`"),
    ("pad", "E034", (F(a=2),), {"axis": "a", "before": Size.of(-1), "after": Size.of(0), "value": 0.0}, "padded by -1"),
    ("pad", "E045", (I64,), {"axis": "seq", "before": Size.of(1), "after": Size.of(0), "value": 0.5}, "0.5"),
    ("window", "E030", (IMAGE,), {"axes": ("height",), "kernels": (Axis.of("k", 5),), "value": 0.0, **PLAIN},
     "a kernel of size 5 does not fit: axis `height` has size 3"),
    ("window", "E022", (IMAGE,), {"axes": ("height",), "kernels": (Axis.of("batch", 2),), "value": 0.0, **PLAIN},
     "two axes `batch`"),
    ("fold", "E030", (F(height=3, k=2),), {"axes": (Axis.of("height", 9),), "kernels": ("k",), **PLAIN}, "3 windows"),
    ("maxpool", "E045", (value_type(DType.I64, height=3),), {"axes": ("height",), "kernel": (2,), **PLAIN}, "i64"),
    ("avgpool", "E030", (IMAGE,), {"axes": ("height",), "kernel": (4,), **PLAIN, "count_padding": True}, "not fit"),
    ("avgpool", "E040", (IMAGE,), {"axes": ("height",), "kernel": (2, 2), **PLAIN, "count_padding": True}, "2 kernels"),
    ("convolution", "E030", (IMAGE, F(feature=6, channel=3, tap=2)), _convolution(), "`channel` of the weight"),
    ("convolution", "E031", (IMAGE, F(feature=6, channel=1, tap=2)), _convolution(groups=4), "4 groups"),
    ("convolution", "E023", (IMAGE, F(feature=6, channel=4)), _convolution(), "lacks the axis `tap`"),
    ("convolution", "E030", (IMAGE, F(feature=6, channel=4, tap=4)), _convolution(), "does not fit"),
    ("convolution", "E043", (IMAGE, F(feature=6, channel=4, tap=2, extra=2)), _convolution(), "extra"),
    ("convolution", "E022", (F(channel=4, height=3, feature=2), F(feature=6, channel=4, tap=2)), _convolution(),
     "two axes `feature`"),
    ("resize", "E040", (IMAGE,), {"axes": (Axis.of("height", 6),), "mode": "cubic", "align_corners": False}, "`cubic`"),
    ("resize", "E030", (IMAGE,), {"axes": (Axis.of("height", 0),), "mode": "nearest", "align_corners": False}, "0"),
    ("sample", "E030", (F(h=3, w=3), F(row=2, xy=3)), {"axes": ("h", "w"), "coordinate": "xy", "align_corners": True,
     "padding": "zeros"}, "two coordinates"),
    ("size", "E045", (), {"size": Size.of(3), "dtype": DType.BOOL}, "a number"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "code", "operands", "attributes", "text"), CASES, ids=[f"{case[0]}-{i}" for i, case in enumerate(CASES)]
)
def test_an_operator_says_what_it_does_not_take(
    name: str, code: str, operands: tuple[ValueType, ...], attributes: Mapping[str, Attribute], text: str
) -> None:
    with pytest.raises(OperatorError) as caught:
        infer(name, operands, attributes)
    assert (caught.value.code, text in caught.value.message) == (code, True), caught.value.message


def test_a_misspelt_axis_is_met_with_the_one_that_was_meant() -> None:
    with pytest.raises(OperatorError) as caught:
        infer("mean", (F(batch=2, height=4),), {"axes": ("hieght",)})
    assert caught.value.help == "did you mean `height`?"
    assert caught.value.operand == 0


def test_the_operand_at_fault_is_named() -> None:
    with pytest.raises(OperatorError) as caught:
        infer("where", (MASK, F(seq=5), F(seq=4)), {})
    assert caught.value.operand == 2


def test_a_kernel_may_have_the_name_of_the_axis_it_moves_over() -> None:
    weight = F(feature=6, channel=4, height=2)
    assert infer("convolution", (IMAGE, weight), _convolution(kernels=("height",))).size("height") == Size.of(2)
