"""What a call of an emitted NumPy module does, call of NumPy by call: how often, on how much, and how long it takes.

The module's `np` is `RecordingNumpy`, and its arrays are `RecordedArray`, so that functions, operators and methods are
all seen. Nothing is recorded but inside of `recording`; what a function of NumPy calls itself is part of that function.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

PRODUCTS, FUNCTIONS = "products", "functions"
ARITHMETIC, REDUCTIONS, COPIES, GATHERS, OTHERS = "arithmetic", "reductions", "copies", "gathers", "other functions"

# What takes several times as long a number as an addition.
_FUNCTIONS = frozenset(
    {"exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "float_power", "logaddexp", "logaddexp2", "cbrt"}
    | {"sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arctanh"}
)
_BY_KIND: Mapping[str, Sequence[str]] = {
    PRODUCTS: ("matmul", "matvec", "vecmat", "vecdot", "dot"),
    REDUCTIONS: ("sum", "prod", "max", "min", "amax", "amin", "mean", "var", "std", "any", "all", "argmax", "argmin",
                 "cumsum"),
    ARITHMETIC: ("clip", "round", "where"),
    GATHERS: ("take", "take_along_axis", "compress", "extract"),
    COPIES: ("copyto", "copy", "array", "asarray", "ascontiguousarray", "zeros", "zeros_like", "ones", "ones_like",
             "full", "full_like", "arange", "stack", "concatenate", "pad", "roll", "repeat", "tile", "reshape", "ravel",
             "put", "place", "putmask"),
}  # fmt: skip
_KINDS: Mapping[str, str] = {name: kind for kind, names in _BY_KIND.items() for name in names}
_ALLOCATIONS = frozenset({"empty", "empty_like"})
# These write into their first argument.
_WRITERS = frozenset({"copyto", "put", "place", "putmask"})


class Doing(NamedTuple):
    """A kind of call: one of the kinds above, the function's name, and the character of the dtype it works on."""

    kind: str
    name: str
    dtype: str  # a character, since asking NumPy for a dtype's name takes longer than adding some numbers


@dataclass
class Tally:
    """What calls of a kind add up to: floating point operations of products, numbers made, bytes read and written."""

    calls: int = 0
    operations: int = 0
    numbers: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass
class Recorder:
    """The tallies of everything between two readings."""

    tallies: dict[Doing, Tally] = field(default_factory=dict)

    def add(self, doing: Doing, operations: int, numbers: int, bytes_: int, seconds: float) -> None:
        """Counts one call."""
        tally = self.tallies.get(doing)
        if tally is None:
            tally = self.tallies[doing] = Tally()
        tally.calls += 1
        tally.operations += operations
        tally.numbers += numbers
        tally.bytes += bytes_
        tally.seconds += seconds


_RECORDER: ContextVar[Recorder | None] = ContextVar("RECORDER", default=None)


@contextmanager
def recording() -> Iterator[Recorder]:
    """Records what this thread does meanwhile."""
    recorder = Recorder()
    token = _RECORDER.set(recorder)
    try:
        yield recorder
    finally:
        _RECORDER.reset(token)


class RecordedArray(np.ndarray[Any, Any]):
    """An array whose operators, methods and views are recorded. Methods that end in a ufunc need no line here."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **named: Any) -> Any:
        return call_ufunc(ufunc, method, *inputs, **named)

    def __getitem__(self, index: Any) -> Any:
        return call_function("getitem", partial(np.ndarray.__getitem__, plain(self)), index, kind=GATHERS, source=self)

    def __setitem__(self, index: Any, value: Any) -> None:
        target, given = plain(self), plain(value)
        start = time.perf_counter()
        target[index] = given
        seconds = time.perf_counter() - start
        recorder = _RECORDER.get()
        if recorder is not None:
            written = target[index]
            recorder.add(
                Doing(COPIES, "setitem", target.dtype.char),
                0,
                int(np.size(written)),
                int(written.nbytes) + touched_bytes((given,)),
                seconds,
            )

    def _call(self, name: str, *arguments: Any, **named: Any) -> Any:
        method = partial(getattr(np.ndarray, name), plain(self))
        return call_function(name, method, *arguments, kind=_KINDS.get(name, COPIES), source=self, **named)

    def astype(self, *arguments: Any, **named: Any) -> Any:
        """A copy of another dtype."""
        return self._call("astype", *arguments, **named)

    def copy(self, *arguments: Any, **named: Any) -> Any:
        """A copy."""
        return self._call("copy", *arguments, **named)

    def reshape(self, *arguments: Any, **named: Any) -> Any:
        """A view or, where there is none, a copy."""
        return self._call("reshape", *arguments, **named)

    def ravel(self, *arguments: Any, **named: Any) -> Any:
        """A view or, where there is none, a copy."""
        return self._call("ravel", *arguments, **named)

    def flatten(self, *arguments: Any, **named: Any) -> Any:
        """A copy with one axis."""
        return self._call("flatten", *arguments, **named)

    def take(self, *arguments: Any, **named: Any) -> Any:
        """Rows by their positions."""
        return self._call("take", *arguments, **named)

    def repeat(self, *arguments: Any, **named: Any) -> Any:
        """Each row several times."""
        return self._call("repeat", *arguments, **named)

    def argmax(self, *arguments: Any, **named: Any) -> Any:
        """Where the largest is."""
        return self._call("argmax", *arguments, **named)

    def fill(self, value: Any) -> None:
        """One number everywhere."""
        self[...] = value


class RecordingUfunc:
    """A ufunc that is recorded, with its methods `reduce`, `accumulate` and so on."""

    def __init__(self, ufunc: np.ufunc) -> None:
        self._ufunc = ufunc

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """The ufunc itself."""
        return call_ufunc(self._ufunc, "__call__", *inputs, **named)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._ufunc, name)
        return partial(call_ufunc, self._ufunc, name) if callable(found) else found


class RecordingNumpy:
    """NumPy, or a module of it, with functions that are recorded and give `RecordedArray`; types are NumPy's own."""

    def __init__(self, module: ModuleType = np) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if isinstance(found, np.ufunc):
            found = RecordingUfunc(found)
        elif isinstance(found, ModuleType):
            found = RecordingNumpy(found)
        elif callable(found) and not isinstance(found, type):
            found = partial(call_function, name, found)
        self.__dict__[name] = found  # the next time it is found without asking
        return found


def recorded(value: Any) -> Any:
    """Arrays as recorded ones, in tuples and lists too."""
    if isinstance(value, np.ndarray):
        return value if isinstance(value, RecordedArray) else value.view(RecordedArray)
    return type(value)(map(recorded, value)) if type(value) in (tuple, list) else value


def plain(value: Any) -> Any:
    """Recorded arrays as NumPy's own, in tuples and lists too."""
    if isinstance(value, RecordedArray):
        return value.view(np.ndarray)
    return type(value)(map(plain, value)) if type(value) in (tuple, list) else value


def call_ufunc(ufunc: np.ufunc, method: str, *inputs: Any, **named: Any) -> Any:
    """A ufunc, or a method of one, on plain arrays; its result is recorded, and what it did."""
    given = [plain(one) for one in inputs]
    told = {name: plain(value) for name, value in named.items()}
    function = ufunc if method == "__call__" else getattr(ufunc, method)
    start = time.perf_counter()
    result = function(*given, **told)
    seconds = time.perf_counter() - start
    recorder = _RECORDER.get()
    if recorder is not None:
        name = ufunc.__name__
        reduces = method != "__call__"
        kind = REDUCTIONS if reduces else FUNCTIONS if name in _FUNCTIONS else _KINDS.get(name, ARITHMETIC)
        _count(recorder, kind, name, given, result, seconds)
    return recorded(result) if named.get("out") is None else _out(named["out"])


def call_function(
    function_name: str,
    function: Callable[..., Any],
    *arguments: Any,
    kind: str | None = None,
    source: np.ndarray[Any, Any] | None = None,
    **named: Any,
) -> Any:
    """A function of NumPy, or a method of `source`: one that makes a view is not counted, nor one without an array."""
    given = [plain(one) for one in arguments]
    told = {name: plain(value) for name, value in named.items()}
    start = time.perf_counter()
    result = function(*given, **told)
    seconds = time.perf_counter() - start
    recorder = _RECORDER.get()
    if recorder is not None:
        read = [*([] if source is None else [plain(source)]), *given, *told.values()]
        kind = kind or _KINDS.get(function_name, OTHERS)
        written = read[0] if function_name in _WRITERS else result
        if written is not result or (function_name not in _ALLOCATIONS and _is_new(result, kind, read)):
            # A gather reads no more of its source than it writes.
            counted = [written, *read[1:]] if kind == GATHERS else read[1:] if function_name in _WRITERS else read
            _count(recorder, kind, function_name, counted, written, seconds)
    return recorded(result) if named.get("out") is None else _out(named["out"])


def touched_bytes(values: Sequence[Any]) -> int:
    """The bytes of memory that arrays occupy; what is repeated by a stride of 0 counts once."""
    found = 0
    for value in values:
        if isinstance(value, np.ndarray):
            if value.flags.forc:
                found += value.nbytes
                continue
            count = value.itemsize
            for size, stride in zip(value.shape, value.strides, strict=True):
                count *= size if stride else min(size, 1)
            found += count
        elif type(value) in (tuple, list):
            found += touched_bytes(value)
    return found


def _count(recorder: Recorder, kind: str, name: str, given: Sequence[Any], result: Any, seconds: float) -> None:
    first = result[0] if isinstance(result, tuple) else result
    number = first if isinstance(first, (np.ndarray, np.generic)) else given[0]
    size = number.size
    operations = 2 * size * given[0].shape[-1] if kind == PRODUCTS else 0
    doing = Doing(kind, name, number.dtype.char)
    recorder.add(doing, operations, size, touched_bytes(given) + touched_bytes((result,)), seconds)


def _is_new(result: Any, kind: str, read: Sequence[Any]) -> bool:
    if isinstance(result, np.generic):
        return kind in (REDUCTIONS, PRODUCTS, OTHERS)
    if not isinstance(result, np.ndarray):
        return isinstance(result, (tuple, list)) and any(_is_new(one, kind, read) for one in result)
    arrays = [one for one in _flat(read) if isinstance(one, np.ndarray)]
    return not any(result is one or np.may_share_memory(result, one) for one in arrays)


def _flat(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if type(value) in (tuple, list):
            yield from _flat(value)
        else:
            yield value


def _out(given: Any) -> Any:
    """What was written into, as a function with `out` returns it."""
    return recorded(given[0] if isinstance(given, tuple) and len(given) == 1 else given)
