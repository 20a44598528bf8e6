"""Initialisers of parameters as functions of `torch.nn.init`."""

from __future__ import annotations

import math

from attncomp.ir.graph import Initializer


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
        case "uniform":
            return _partial("uniform_", a=arguments[0], b=arguments[1])
        case "normal":
            return _partial("normal_", std=arguments[0])
        case "trunc_normal":
            std = arguments[0]
            return _partial("trunc_normal_", std=std, a=-2 * std, b=2 * std)
        case "xavier_uniform" if len(shape) > 1:
            return _partial("xavier_uniform_", gain=arguments[0]) if arguments else "nn.init.xavier_uniform_"
        case "kaiming_uniform" if len(shape) > 1:
            return _partial("kaiming_uniform_", a=arguments[0]) if arguments else "nn.init.kaiming_uniform_"
    raise ValueError(f"no initialiser `{kind}` for a tensor of shape {shape}")


def _partial(name: str, **arguments: float) -> str:
    return f"partial(nn.init.{name}, " + ", ".join(f"{key}={_number(value)}" for key, value in arguments.items()) + ")"


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(float(value))
    return "torch.nan" if math.isnan(value) else "torch.inf" if value > 0 else "-torch.inf"
