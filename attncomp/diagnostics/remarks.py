"""What the compiler has to say about fusion: what it fused, what it nearly fused, and which edit would help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from types import MappingProxyType
from typing import Literal, Protocol

from attncomp.diagnostics.core import Label, Span
from attncomp.diagnostics.render import snippet, visible

RemarkKind = Literal["fused", "missed", "note"]


# A formula of more characters says less than a number.
_READABLE = 160


class Formula(Protocol):
    """A number that depends on the sizes of a model."""

    def evaluate(self, bindings: Mapping[str, int]) -> int:
        """The number where each symbol is what `bindings` says. Raises KeyError for a symbol without a number."""
        ...

    def symbols(self) -> frozenset[str]:
        """The symbols that it depends on."""
        ...


@dataclass(frozen=True)
class Saving:
    """What a fused region spares: bytes of memory traffic, and of intermediate values alive at once.

    Both as formulas in the model's sizes (`8 * batch * seq * seq`), which are comparable, and as the numbers that they
    come to where every size is `typical`.
    """

    traffic: Formula
    peak: Formula
    typical: int

    def to_json(self) -> dict[str, object]:
        """The formulas as text, and what they come to at typical sizes."""
        return {
            "traffic": str(self.traffic),
            "peak": str(self.peak),
            "typical_size": self.typical,
            "typical_traffic": self.at(self.traffic, {}),
            "typical_peak": self.at(self.peak, {}),
        }

    def at(self, formula: Formula, sizes: Mapping[str, int]) -> int:
        """What a formula comes to; a size that `sizes` lacks is typical."""
        return formula.evaluate({symbol: sizes.get(symbol, self.typical) for symbol in formula.symbols()})

    def text(self, sizes: Mapping[str, int]) -> str:
        """Both in words, at `sizes` where they say any of them."""
        symbols = sorted(self.traffic.symbols() | self.peak.symbols())
        numbers = [_amount(self.at(formula, sizes)) for formula in (self.traffic, self.peak)]
        spared = f"{numbers[0]} of memory traffic and {numbers[1]} of peak memory"
        if not symbols:
            return spared
        given = [f"{symbol} = {sizes[symbol]}" for symbol in symbols if symbol in sizes]
        if given:
            others = "" if len(given) == len(symbols) else f", where every other size is {self.typical}"
            return f"{spared} at {', '.join(given)}{others}"
        formulas = f"{self.traffic} bytes of memory traffic and {self.peak} of peak memory"
        if len(formulas) > _READABLE:
            return f"{spared} where every size is {self.typical}"
        return f"{formulas} ({numbers[0]} and {numbers[1]} where every size is {self.typical})"


def _amount(count: int) -> str:
    """Bytes in the largest unit that leaves a number of at least 1."""
    amount, units = float(count), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while abs(amount) >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{amount:.0f} {units[0]}" if units[0] == "bytes" else f"{amount:.1f} {units[0]}"


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
            "saved": None if self.saved is None else self.saved.to_json(),
            "marks": [asdict(mark) for mark in self.marks],
        }

    def title(self) -> str:
        """The remark's first line: `missed attention region in layers.0: the weights are read elsewhere`."""
        place = f" in {self.scope}" if self.scope else ""
        return f"{self.kind} {self.region} region{place}: {self.message}"


def render_remarks(
    remarks: Iterable[Remark],
    sources: Mapping[str, str],
    *,
    color: bool = False,
    sizes: Mapping[str, int] = MappingProxyType({}),
) -> str:
    """The remarks in order, each with its line of the source, what it spares and its help; "" for none.

    `sources` holds the text of each file by the name that spans use; a file that it lacks gets no line. What is spared
    is said at `sizes`.
    """
    return "\n".join(_one(remark, sources, color, sizes) for remark in remarks)


def _one(remark: Remark, sources: Mapping[str, str], color: bool, sizes: Mapping[str, int]) -> str:
    lines = [visible(remark.title())]
    if remark.span is not None:
        lines.append(snippet(Label(remark.span), sources, color=color))
    if remark.lines:
        lines.append(f"  = from: {visible(places(remark.lines))}")
    if remark.saved is not None:
        lines.append(f"  = saves: {visible(remark.saved.text(sizes))}")
    if remark.help:
        lines.append(f"  = help: {visible(remark.help)}")
    return "\n".join(lines) + "\n"


def places(spans: Iterable[Span]) -> str:
    """The lines of spans, file by file: `minilm.attn:20-24, 31, std/attention.attn:7`."""
    numbers: dict[str, set[int]] = {}
    for span in spans:
        numbers.setdefault(span.file, set()).update(range(span.line, span.end_line + 1))
    return ", ".join(f"{file}:{', '.join(_runs(sorted(found)))}" for file, found in numbers.items())


def _runs(numbers: Sequence[int]) -> Iterator[str]:
    """`20-24` for numbers in a row."""
    for _, group in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        yield str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}"


def missed(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """The near misses among `remarks`, in order."""
    return tuple(remark for remark in remarks if remark.kind == "missed")
