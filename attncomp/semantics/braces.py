"""Reading what stands in braces behind a name: axes, arrows, bindings and options."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from attncomp.diagnostics.core import DiagnosticError, Span, fail
from attncomp.diagnostics.suggest import did_you_mean, nearest
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis
from attncomp.semantics import axes
from attncomp.semantics.geometry import per_axis
from attncomp.semantics.scope import Frame
from attncomp.semantics.static import Static, Word, describe, kind
from attncomp.semantics.values import StaticArgument
from attncomp.syntax import tree


@dataclass(frozen=True)
class Braces:
    """The braces of one use. `signature` shows how the callee is written; `span` is where the use stands."""

    frame: Frame
    signature: str
    entries: tuple[StaticArgument, ...]
    span: Span

    def check(self, options: Collection[str], kinds: Collection[str]) -> None:
        """Raises E013 for an unknown option and E043 for an entry of a kind that the callee does not take."""
        seen: set[str] = set()
        for entry in self.entries:
            if entry.kind == "option" and entry.name is not None:
                if entry.name.text not in options:
                    raise fail(
                        "E013",
                        f"there is no option `{entry.name.text}` here",
                        entry.name.span,
                        help=self._option_help(entry, options, kinds),
                    )
                if entry.name.text in seen:
                    raise fail("E014", f"the option `{entry.name.text}` is given twice", entry.span)
                seen.add(entry.name.text)
            elif entry.kind not in kinds:
                raise fail("E043", "this does not belong in these braces", entry.span, help=self._entry_help(kinds))

    def _option_help(self, entry: StaticArgument, options: Collection[str], kinds: Collection[str]) -> str:
        assert entry.name is not None
        name = entry.name.text
        is_axis = self.frame.find_axis(name) is not None or isinstance(entry.target, tree.Name)
        if "binding" in kinds and is_axis and nearest(name, options) is None:
            actual = entry.target.text if isinstance(entry.target, tree.Name) else "…"
            value = describe(entry.value) if isinstance(entry.value, Static) and entry.target is None else actual
            return f"an axis stands before `:`: write `{name}: {value}`"
        return did_you_mean(name, options) or f"it is written `{self.signature}`"

    def _entry_help(self, kinds: Collection[str]) -> str:
        axes_given = [entry.term for entry in self.entries if entry.kind == "axis"]
        if "arrow" in kinds and len(axes_given) == 2:
            source, target = axes_given
            if isinstance(source, tree.Name) and isinstance(target, tree.Name):
                return f"write an arrow: `{source.text} -> {target.text}`"
        if kinds == ("binding",) and axes_given:
            return f"it is written `{self.signature}`; an axis is followed by `:` and what it stands for"
        return f"it is written `{self.signature}`"

    # --- options ------------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether the option is given."""
        return any(entry.name is not None and entry.name.text == name for entry in self.entries)

    def place(self, name: str) -> Span:
        """Where the option stands, else where the use does."""
        return next(
            (entry.span for entry in self.entries if entry.name is not None and entry.name.text == name), self.span
        )

    def option(self, name: str, default: Static | None) -> Static:
        """The value of an option. Raises E041 where it must be given, E040 where it is no static value."""
        for entry in self.entries:
            if entry.name is not None and entry.name.text == name:
                if not isinstance(entry.value, Static):
                    raise fail("E040", f"`{name}` is a static value, known when compiling", entry.span)
                return entry.value
        if default is None:
            raise fail(
                "E041", f"`{name}` must be written out here", self.span, help=f"it is written `{self.signature}`"
            )
        return default

    def number(self, name: str, default: float) -> float:
        """A number."""
        value = self.option(name, Static(default))
        if value.number is None:
            raise self._wrong(name, "a number", value)
        return float(value.number)

    def truth(self, name: str, default: bool | None) -> bool:
        """A truth value."""
        value = self.option(name, None if default is None else Static(default))
        if not isinstance(value.value, bool):
            raise self._wrong(name, "true or false", value)
        return value.value

    def word(self, name: str, default: str, choices: Collection[str]) -> str:
        """One of several words."""
        value = self.option(name, Static(Word(default)))
        text = "none" if value.value is None else value.value.text if isinstance(value.value, Word) else None
        if text is None or text not in choices:
            raise self._wrong(name, " or ".join(f"`{choice}`" for choice in choices), value)
        return text

    def whole_number(self, name: str, default: int | None) -> int:
        """A whole number, at least 1."""
        value = self.option(name, None if default is None else Static(Size.of(default)))
        return self.positive(value, self.place(name))

    def whole_numbers(self, name: str, default: int, count: int) -> tuple[int, ...]:
        """One whole number for each of `count` axes."""
        return per_axis(self.option(name, Static(Size.of(default))), count, self.place(name), name)

    def _wrong(self, name: str, wanted: str, value: Static) -> DiagnosticError:
        return fail("E040", f"`{name}` is {wanted}, not {kind(value)}", self.place(name), f"`{describe(value)}`")

    # --- axes ---------------------------------------------------------------------------------------------------

    def _terms(self) -> list[StaticArgument]:
        found = [entry for entry in self.entries if entry.kind == "axis"]
        if not found:
            raise fail(
                "E041", "this needs to know over which axes", self.span, help=f"it is written `{self.signature}`"
            )
        return found

    def single_word(self) -> str:
        """The one bare word in the braces, as in `cast{f16}`."""
        terms = [entry.term for entry in self.entries if entry.kind == "axis"]
        if len(terms) != 1 or not isinstance(terms[0], tree.Name):
            raise fail(
                "E041" if not terms else "E043",
                "one word belongs in these braces",
                self.span,
                help=f"it is written `{self.signature}`",
            )
        return terms[0].text

    def axes_of(self, node: int) -> tuple[str, ...]:
        """The axes in the braces, each one of the value's."""
        type_ = self.frame.context.type(node)
        return tuple(axis.name for axis in axes.found_in(self.frame, [e.term for e in self._terms() if e.term], type_))

    def one_axis_of(self, node: int) -> str:
        """The one axis in the braces, one of the value's."""
        found = self.axes_of(node)
        if len(found) != 1:
            raise fail(
                "E043",
                f"one axis belongs in these braces, not {len(found)}",
                self.span,
                help=f"it is written `{self.signature}`",
            )
        return found[0]

    def one_declared(self) -> Axis:
        """The one axis in the braces, a declared one."""
        terms = self._terms()
        if len(terms) != 1 or not isinstance(terms[0].term, tree.Name):
            raise fail("E043", "one axis belongs in these braces", self.span, help=f"it is written `{self.signature}`")
        return self.frame.axis(terms[0].term)

    def axis_option(self, name: str, node: int) -> str:
        """An option whose value is the name of an axis of a value (`coord = xy`)."""
        for entry in self.entries:
            if entry.name is not None and entry.name.text == name and isinstance(entry.target, tree.Name):
                return self.frame.axis_in(entry.target, self.frame.context.type(node)).name
        raise fail("E041", f"`{name}` names an axis here", self.place(name), help=f"it is written `{self.signature}`")

    def arrow(self) -> StaticArgument:
        """The one `a -> b`."""
        found = [entry for entry in self.entries if entry.kind == "arrow"]
        if len(found) != 1:
            raise fail(
                "E041",
                "this needs one arrow: from which axis, to which",
                self.span,
                help=f"it is written `{self.signature}`",
            )
        return found[0]

    def extents_of(self, node: int) -> list[tuple[str, Static, Span]]:
        """The bindings `height: 3`: axis of the value, what is given for it, and where."""
        type_ = self.frame.context.type(node)
        found = []
        axes.once([name for entry in self._bindings() for name in axes.names_of(entry.term or ())])
        for entry in self._bindings():
            if not isinstance(entry.value, Static):
                raise fail(
                    "E040",
                    "this is not a number known when compiling",
                    entry.span,
                    help=f"it is written `{self.signature}`",
                )
            for name in axes.names_of(entry.term or ()):
                found.append((self.frame.axis_in(name, type_).name, entry.value, entry.span))
        return found

    def axis_pairs_of(self, node: int) -> list[tuple[str, Axis]]:
        """The bindings `height: kh`: axis of the value, and a declared axis."""
        type_ = self.frame.context.type(node)
        found = []
        for entry in self._bindings():
            if not isinstance(entry.term, tree.Name) or not isinstance(entry.target, tree.Name):
                raise fail(
                    "E043", "an axis belongs on both sides here", entry.span, help=f"it is written `{self.signature}`"
                )
            found.append((self.frame.axis_in(entry.term, type_).name, self.frame.axis(entry.target)))
        return found

    def _bindings(self) -> Sequence[StaticArgument]:
        found = [entry for entry in self.entries if entry.kind == "binding"]
        if not found:
            raise fail(
                "E041",
                "this needs to know along which axes, and how far",
                self.span,
                help=f"it is written `{self.signature}`",
            )
        return found

    # --- sizes --------------------------------------------------------------------------------------------------

    def positive(self, value: Static, span: Span) -> int:
        """A static value as a whole number of at least 1. Raises E035 for an unknown size, E040 otherwise."""
        if isinstance(value.value, Size) and value.whole is None:
            self.frame.context.need_sound(value.value)
            raise fail("E035", f"the size {value.value} is not known when compiling, and must be here", span)
        if value.whole is None or value.whole < 1:
            raise fail("E040", f"this is a whole number of at least 1, not `{describe(value)}`", span)
        return value.whole

    def known_size(self, axis: Axis, span: Span) -> int:
        """The size of an axis as a number. Raises E035."""
        if axis.size.constant is None:
            self.frame.context.need_sound(axis.size)
            raise fail(
                "E035",
                f"the size of `{self.frame.show(axis.name)}` is not known when compiling, and must be here",
                span,
            )
        return axis.size.constant
