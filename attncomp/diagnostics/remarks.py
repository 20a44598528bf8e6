"""What the compiler has to say about fusion: what it fused, what it nearly fused, and which edit would help."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from attncomp.diagnostics.core import Label, Span
from attncomp.diagnostics.render import snippet, visible

RemarkKind = Literal["fused", "missed", "note"]


@dataclass(frozen=True)
class Saving:
    """What a fused region spares: bytes of memory traffic, and of intermediate values alive at once.

    Both as formulas in the model's sizes (`8 * batch * seq^2`), and as the number that they come to at typical sizes.
    """

    traffic: str
    peak: str
    typical_traffic: float
    typical_peak: float


@dataclass(frozen=True)
class Remark:
    """One statement of a pass about one place of a model.

    `kind` is "fused" (a region was made), "missed" (it nearly was: `message` names the condition that failed, `help`
    the edit that would make it fuse) or "note". `region` is the kind of region ("attention", "gate"), `scope` the
    path of the layer it lies in, `pass_name` the pass that speaks. `lines` are the places of the source that a fused
    region was made of, in order; `saved` is what fusing them spares. `marks` are the places of the `fuse!` whose
    statements made what it speaks of.
    """

    kind: RemarkKind
    region: str
    message: str
    pass_name: str
    span: Span | None = None
    scope: str = ""
    help: str = ""
    lines: tuple[Span, ...] = ()
    saved: Saving | None = None
    marks: tuple[Span, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The remark as plain values that `json.dumps` takes; keys are always all there."""
        return {
            "kind": self.kind,
            "region": self.region,
            "message": self.message,
            "pass": self.pass_name,
            "span": None if self.span is None else asdict(self.span),
            "scope": self.scope,
            "help": self.help,
            "lines": [asdict(span) for span in self.lines],
            "saved": None if self.saved is None else asdict(self.saved),
            "marks": [asdict(mark) for mark in self.marks],
        }

    def title(self) -> str:
        """The remark's first line: `missed attention region in layers.0: the weights are read elsewhere`."""
        place = f" in {self.scope}" if self.scope else ""
        return f"{self.kind} {self.region} region{place}: {self.message}"


def render_remarks(remarks: Iterable[Remark], sources: Mapping[str, str], *, color: bool = False) -> str:
    """The remarks in order, each with its line of the source and its help; "" for none.

    `sources` holds the text of each file by the name that spans use; a file that it lacks gets no line.
    """
    return "\n".join(_one(remark, sources, color) for remark in remarks)


def _one(remark: Remark, sources: Mapping[str, str], color: bool) -> str:
    lines = [visible(remark.title())]
    if remark.span is not None:
        lines.append(snippet(Label(remark.span), sources, color=color))
    if remark.help:
        lines.append(f"  = help: {visible(remark.help)}")
    return "\n".join(lines) + "\n"


def missed(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """The near misses among `remarks`, in order."""
    return tuple(remark for remark in remarks if remark.kind == "missed")
