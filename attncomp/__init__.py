"""attncomp: a compiler for networks that use attention, from named-axis mathematics to plain NumPy and PyTorch modules.

    import attncomp
    module = attncomp.compile("model.attn", backend="numpy", weights="weights.safetensors")
    y = module(x)

Importing this package imports nothing else; each name is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attncomp.api import CompileError, Module, ParameterInfo, compile, draw, show
    from attncomp.inspect.watch import Seen

    __version__: str

__all__ = ["CompileError", "Module", "ParameterInfo", "Seen", "__version__", "compile", "draw", "show"]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("attncomp")
    if name in __all__:
        from attncomp import api

        return getattr(api, name)
    raise AttributeError(f"module 'attncomp' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
