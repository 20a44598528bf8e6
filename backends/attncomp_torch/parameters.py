"""The tree of parameters: groups by the segments of the checkpoint's keys, lists where they count from 0."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from attncomp.diagnostics.core import Diagnostic, DiagnosticError
from attncomp.emission.layout import INDENT, LINE_LENGTH, bracketed
from attncomp.emission.text import quoted
from attncomp.ir.sizes import Size
from attncomp.lowering.program import Loop, Parameter, Program, Region, Statement
from attncomp_torch.initializers import fill_text
from attncomp_torch.names import is_reserved
from attncomp_torch.surroundings import torch_dtype


@dataclass
class Branch:
    """A group of parameters and smaller groups; the root is the model itself."""

    members: dict[str, Branch | Parameter] = field(default_factory=dict)
    is_root: bool = False

    @property
    def is_list(self) -> bool:
        """Whether the members are groups named 0, 1, 2 and so on, in that order."""
        names = list(self.members)
        return (
            not self.is_root
            and names == [str(place) for place in range(len(names))]
            and all(isinstance(member, Branch) for member in self.members.values())
        )


def all_parameters(program: Program) -> Iterator[tuple[str, Parameter]]:
    """Every parameter with its whole key: the program's, then those of each iteration of each loop."""
    for parameter in program.parameters:
        yield parameter.key, parameter
    yield from _loop_parameters(program.steps, "")


def _loop_parameters(body: Sequence[Statement], prefix: str) -> Iterator[tuple[str, Parameter]]:
    for statement in body:
        if isinstance(statement, Region):
            yield from _loop_parameters(statement.body, prefix)
        elif isinstance(statement, Loop):
            for iteration in statement.prefixes:
                for parameter in statement.parameters:
                    yield prefix + iteration + parameter.key, parameter
                yield from _loop_parameters(statement.steps, prefix + iteration)


def parameter_tree(program: Program) -> Branch:
    """The tree of all parameters. Raises DiagnosticError (E061) with every key that a module cannot have."""
    root = Branch(is_root=True)
    mistakes: list[Diagnostic] = []
    for key, parameter in all_parameters(program):
        reason = _place(root, key, parameter)
        if reason:
            message = f"parameter key `{key}` {reason}"
            mistakes.append(Diagnostic("E061", message, help='give the layer or parameter another key: `as "…"`'))
    if mistakes:
        raise DiagnosticError(mistakes)
    return _sorted_lists(root)


def _place(root: Branch, key: str, parameter: Parameter) -> str:
    """Puts a parameter into the tree, or says why it cannot be there."""
    segments = key.split(".")
    for segment in segments:
        if not segment:
            return "has an empty segment"
        if is_reserved(segment):
            return f"has the segment `{segment}`, which torch.nn.Module keeps for itself"
    branch = root
    for segment in segments[:-1]:
        below = branch.members.setdefault(segment, Branch())
        if not isinstance(below, Branch):
            return f"begins with the key of another parameter, ending in `{segment}`"
        branch = below
    if segments[-1] in branch.members:
        known = branch.members[segments[-1]]
        return "is the beginning of another key" if isinstance(known, Branch) else "stands for two parameters"
    branch.members[segments[-1]] = parameter
    return ""


def _sorted_lists(branch: Branch) -> Branch:
    """The same tree; where the names are exactly 0 to n - 1, in that order, so that they can be a list."""
    members = {
        name: _sorted_lists(member) if isinstance(member, Branch) else member for name, member in branch.members.items()
    }
    counted = [str(place) for place in range(len(members))]
    counts = set(members) == set(counted)
    return Branch({name: members[name] for name in counted} if counts else members, branch.is_root)


def _is_plain(segment: str) -> bool:
    """Whether a segment can be written as an attribute; Python would normalise letters beyond ASCII."""
    return segment.isascii() and segment.isidentifier() and not keyword.iskeyword(segment)


# --- access -----------------------------------------------------------------------------------------------------


def access_text(root: Branch, start: str, path: Sequence[str]) -> str:
    """The expression of the member at `path` below the object `start`: `layer.attention.self.query.weight`."""
    text, node = start, root
    for segment in path:
        if node.is_list:
            text += f"[{segment}]"
        elif _is_plain(segment):
            text += f".{segment}"
        else:
            text = f"getattr({text}, {quoted(segment)})"
        below = node.members[segment]
        node = below if isinstance(below, Branch) else Branch()
    return text


def branch_at(root: Branch, path: Sequence[str]) -> Branch:
    """The group at `path`. Raises KeyError where a parameter or nothing is there."""
    node = root
    for segment in path:
        below = node.members[segment]
        if not isinstance(below, Branch):
            raise KeyError(".".join(path))
        node = below
    return node


# --- text -------------------------------------------------------------------------------------------------------


def members_text(root: Branch, indent: str) -> str:
    """The keyword arguments that build the members of the root group, a line each, ending in commas."""
    return "".join(f"{indent}{line}\n" for line in _members(root, len(indent)))


def _members(branch: Branch, indent: int) -> list[str]:
    lines: list[str] = []
    for name, member in branch.members.items():
        line = _argument(name, member) + ","
        if indent + len(line) <= LINE_LENGTH:
            lines.append(line)
        elif _is_plain(name):
            lines += _with(f"{name}=", member, ",", indent)
        else:
            inner = _with(f"{quoted(name)}: ", member, ",", indent + 4)
            lines += ["**{", *("    " + one for one in inner), "},"]
    return lines


def _argument(name: str, member: Branch | Parameter) -> str:
    """A member as an argument on one line: `name=…`, or `**{"name": …}` where Python has no such name."""
    return f"{name}={_line(member)}" if _is_plain(name) else f"**{{{quoted(name)}: {_line(member)}}}"


def _with(before: str, member: Branch | Parameter, after: str, indent: int) -> list[str]:
    """`before member after`, on one line where it fits, else spread with a member a line."""
    line = before + _line(member) + after
    if indent + len(line) <= LINE_LENGTH:
        return [line]
    if isinstance(member, Parameter):
        lines = bracketed(f"{before}Weight(", ", ".join(_weight_arguments(member)), indent // len(INDENT), after)
        return [line[indent:] for line in lines]
    if member.is_list:
        return _list(before, list(member.members.values()), after, indent)
    inner = ["    " + line for line in _members(member, indent + 4)]
    return [f"{before}Group(", *inner, f"){after}"]


def _list(before: str, members: list[Branch | Parameter], after: str, indent: int) -> list[str]:
    if _all_alike(members):
        once = f"{_line(members[0])} {_times(members)}"
        if indent + 4 + len(once) <= LINE_LENGTH:
            return [f"{before}nn.ModuleList(", f"    {once}", f"){after}"]
        inner = _with("", members[0], "", indent + 4)
        return [f"{before}nn.ModuleList(", *("    " + line for line in [*inner, _times(members)]), f"){after}"]
    lines = [line for member in members for line in _with("", member, ",", indent + 8)]
    return [f"{before}nn.ModuleList(", "    [", *("        " + line for line in lines), "    ]", f"){after}"]


def _all_alike(members: Sequence[Branch | Parameter]) -> bool:
    return len(members) > 1 and len({_line(member) for member in members}) == 1


def _times(members: Sequence[object]) -> str:
    return f"for _ in range({len(members)})"


def _line(member: Branch | Parameter) -> str:
    """The expression that builds a member, on one line."""
    if isinstance(member, Parameter):
        return f"Weight({', '.join(_weight_arguments(member))})"
    if member.is_list:
        members = list(member.members.values())
        if _all_alike(members):
            return f"nn.ModuleList({_line(members[0])} {_times(members)})"
        return f"nn.ModuleList([{', '.join(map(_line, members))}])"
    return f"Group({', '.join(_argument(name, below) for name, below in member.members.items())})"


def _weight_arguments(parameter: Parameter) -> list[str]:
    shape = tuple(_number(size) for size in parameter.value.shape)
    dtype = parameter.value.dtype
    arguments = [repr(shape), fill_text(parameter.initializer, shape)]
    if torch_dtype(dtype) != "torch.float32":
        arguments.append(f"dtype={torch_dtype(dtype)}")
    if not is_trainable(parameter):
        arguments.append("trainable=False")
    return arguments


def is_trainable(parameter: Parameter) -> bool:
    """Whether a parameter gets gradients; whole numbers never do."""
    return parameter.trainable and parameter.value.dtype.is_float


def _number(size: Size) -> int:
    if size.constant is None:
        raise ValueError(f"a parameter of size {size}, which is not known when compiling")
    return size.constant
