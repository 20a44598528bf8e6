"""Initialisers of parameters as functions of `torch.nn.init`."""

from __future__ import annotations

import math

from attncomp.ir.graph import Initializer

FAN_IN_UNIFORM = "fan_in_uniform"


def fill_text(initializer: Initializer, shape: tuple[int, ...]) -> str:
    """The expression of a function that fills a tensor of `shape` in place.

    Raises ValueError for a kind that is not known here.
    """
    kind, arguments = initializer.kind, initializer.arguments
    match kind:
        case "zeros" | "ones":
            return f"nn.init.{kind}_"
        case "constant":
            return _partial("constant_", val=arguments[0])
        case "uniform" if fan_in := _fan_in(*arguments):
            return f"{FAN_IN_UNIFORM}({fan_in})"
        case "uniform":
            return _partial("uniform_", a=arguments[0], b=arguments[1])
        case "normal":
            return _partial("normal_", std=arguments[0])
        case "trunc_normal":
            std = arguments[0]
            return _partial("trunc_normal_", std=std, a=-2 * std, b=2 * std)
        case "xavier_uniform" | "kaiming_uniform" if len(shape) < 2:
            return _uniform_of_one_axis(initializer, math.prod(shape))
        case "xavier_uniform":
            return _partial("xavier_uniform_", gain=arguments[0]) if arguments else "nn.init.xavier_uniform_"
        case "kaiming_uniform":
            return _partial("kaiming_uniform_", a=arguments[0]) if arguments else "nn.init.kaiming_uniform_"
    raise ValueError(f"no initialiser `{kind}` for a tensor of shape {shape}")


def _fan_in(low: float, high: float) -> int | None:
    """The fan in whose inverse root is the bound, as in PyTorch's own layers."""
    if low != -high or not 0 < high <= 1:
        return None
    fan_in = round(high**-2)
    return fan_in if math.isclose(fan_in**-0.5, high, rel_tol=1e-12) else None


def _uniform_of_one_axis(initializer: Initializer, size: int) -> str:
    """Fan in and fan out are both the size, which torch leaves undefined for a tensor of one axis."""
    argument = initializer.arguments[0] if initializer.arguments else None
    if initializer.kind == "xavier_uniform":
        bound = (1.0 if argument is None else argument) * math.sqrt(3 / max(size, 1))
    else:
        bound = math.sqrt(6 / (1 + (argument or 0.0) ** 2) / max(size, 1))
    return _partial("uniform_", a=-bound, b=bound)


def _partial(name: str, **arguments: float) -> str:
    return f"partial(nn.init.{name}, " + ", ".join(f"{key}={_number(value)}" for key, value in arguments.items()) + ")"


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(float(value))
    return "torch.nan" if math.isnan(value) else "torch.inf" if value > 0 else "-torch.inf"
