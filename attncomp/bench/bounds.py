"""A profile as text: what bounds a call, in a table and in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attncomp.bench.profile import Least, Part, Profile
from attncomp.bench.recorded import FUNCTIONS, PRODUCTS
from attncomp.bench.tables import duration

PROFILE_HEADERS = ("part", "calls", "work", "time", "share", "speed", "of the machine's")
_NAMES = {"exp": "exponentials", "log": "logarithms", "tanh": "hyperbolic tangents", "power": "powers"}
_SMALL = 0.03  # the share of time from which a part is named in the sentence


@dataclass(frozen=True)
class Line:
    """Parts of a kind together. `time` and `least` are seconds: what they take, and would at the machine's rates."""

    label: str
    parts: tuple[Part, ...]
    time: float
    share: float
    least: float | None

    @property
    def kind(self) -> str:
        """The kind of the parts."""
        return self.parts[0].kind

    @property
    def calls(self) -> int:
        """The calls of NumPy in a call of the module."""
        return sum(part.calls for part in self.parts)

    @property
    def efficiency(self) -> float | None:
        """The speed as a part of the machine's."""
        return None if self.least is None or not self.time else self.least / self.time


def lines(profile: Profile) -> list[Line]:
    """The parts by what they do, those that take longest first; products, each function, and each kind of pass."""
    return _lines(profile, lambda part: _NAMES.get(part.name, part.name) if part.kind == FUNCTIONS else part.kind)


def profile_cells(profile: Profile) -> list[tuple[str, ...]]:
    """The table under `PROFILE_HEADERS`."""
    cells = [
        (line.label, str(line.calls), _work(line), duration(line.time), _percent(line.share), _speed(line),
         _percent(line.efficiency))
        for line in lines(profile)
    ]  # fmt: skip
    each = f"{duration(profile.rest / max(profile.calls, 1))} a call"
    share = _percent(profile.rest / _whole(profile))
    return [*cells, ("Python, and calling NumPy", str(profile.calls), "", duration(profile.rest), share, each, "")]


def bound_by(profile: Profile) -> str:
    """Such as `products at 82 % of BLAS speed (61 % of the time), exponentials at 97 % of np.exp's (22 %), …`."""
    found = _lines(
        profile,
        lambda part: (
            part.kind
            if part.kind == PRODUCTS
            else _NAMES.get(part.name, part.name)
            if part.kind == FUNCTIONS
            else _PASSES
        ),
    )
    said = [(line.share, _said(line)) for line in found]
    rest = profile.rest / _whole(profile)
    each = duration(profile.rest / max(profile.calls, 1))
    said.append((rest, f"Python and calling NumPy, {each} for each of {profile.calls} calls"))
    said = sorted((one for one in said if one[0] >= _SMALL), reverse=True)
    shares = [
        f"{text} ({_percent(share)}{' of the time' if not place else ''})" for place, (share, text) in enumerate(said)
    ]
    return ", ".join(shares)


def how_far(least: Least, seconds: float) -> str:
    """How far a call is from the least time that its own products, functions and traffic need."""
    terms = {"products": least.products, "functions": least.functions, "traffic of inputs and outputs": least.traffic}
    told = ", ".join(f"{name} {duration(time)}" for name, time in terms.items() if time >= 0.01 * least.seconds)
    threads = f"{least.threads} thread{'s' * (least.threads != 1)}"
    return (
        f"the least that NumPy could take for it here, on {threads}: {duration(least.seconds)} ({told}); "
        f"the module takes {seconds / least.seconds:.2f} of that"
    )


def how_measured(profile: Profile) -> str:
    """How much the recording itself changed."""
    recorded = sum(part.seconds for part in profile.parts) / profile.seconds
    return (
        f"profile of one thread, {duration(profile.seconds)} a call, of which calls of NumPy are {_percent(recorded)}; "
        f"while it is recorded, a call takes {profile.recorded_seconds / profile.seconds:.2f} times as long"
    )


_PASSES = "passes over memory"


def _lines(profile: Profile, label: Callable[[Part], str]) -> list[Line]:
    groups: dict[str, list[Part]] = {}
    for part in profile.parts:
        groups.setdefault(label(part), []).append(part)
    found = [_line(profile, name, parts) for name, parts in groups.items()]
    return sorted(found, key=lambda line: -line.time)


def _line(profile: Profile, label: str, parts: Sequence[Part]) -> Line:
    time = profile.work(parts)
    leasts = [part.least(profile.rates) for part in parts]
    known = None if None in leasts else sum(one for one in leasts if one is not None)
    return Line(label, tuple(parts), time, time / _whole(profile), known)


def _whole(profile: Profile) -> float:
    return max(profile.seconds, profile.work(profile.parts))


def _said(line: Line) -> str:
    if line.efficiency is None:
        return line.label
    if line.kind == PRODUCTS:
        return f"{line.label} at {_percent(line.efficiency)} of BLAS speed"
    if line.kind == FUNCTIONS:
        return f"{line.label} at {_percent(line.efficiency)} of np.{line.parts[0].name}'s"
    return f"{line.label} at {_percent(line.efficiency)} of np.copyto's speed"


def _work(line: Line) -> str:
    if line.kind == PRODUCTS:
        return f"{_scaled(sum(part.operations for part in line.parts))}FLOP"
    if line.kind == FUNCTIONS:
        return f"{_scaled(sum(part.numbers for part in line.parts))}numbers"
    return f"{_scaled(sum(part.bytes for part in line.parts))}B"


def _speed(line: Line) -> str:
    if not line.time:
        return ""
    if line.kind == PRODUCTS:
        return f"{_scaled(sum(part.operations for part in line.parts) / line.time)}FLOP/s"
    if line.kind == FUNCTIONS:
        return f"{line.time / sum(part.numbers for part in line.parts) * 1e9:.2f} ns a number"
    return f"{_scaled(sum(part.bytes for part in line.parts) / line.time)}B/s"


def _scaled(number: float) -> str:
    """Three digits and the prefix of the unit that follows."""
    for prefix, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g} {prefix}"
    return f"{number:.3g} "


def _percent(part: float | None) -> str:
    return "" if part is None else f"{part * 100:.0f} %"
