"""Which attention a backend's kernel does, and why it does not do the others."""

from __future__ import annotations

from collections.abc import Iterator

from attncomp.diagnostics.remarks import Remark
from attncomp.lowering.program import AttentionForm, Program, Region, statements


def kernel_remarks(program: Program) -> tuple[Remark, ...]:
    """A note for each attention region of a program that was lowered for a backend with kernels."""
    return tuple(_notes(program))


def _notes(program: Program) -> Iterator[Remark]:
    for region in statements(program.steps):
        if isinstance(region, Region) and region.kind == "attention":
            message = _kernel(region.attention) if region.attention is not None else _refused(region)
            yield Remark("note", region.kind, message, "lower", region.origin.span, region.origin.scope)


def _kernel(form: AttentionForm) -> str:
    """What the kernel is given besides queries, keys and values."""
    given = ["its causal mask by name"] if form.causal else []
    if form.bias is not None:
        given.append("a bias" if form.mask is None else "a bias that holds its mask")
    elif form.mask is not None and not form.causal:
        given.append("a mask of booleans")
    given += ["dropout in training"] if form.dropout else []
    with_ = f", with {' and '.join(given)}" if given else ""
    return f"an attention kernel does it{with_}"


def _refused(region: Region) -> str:
    """Why no kernel does it, and what is done instead."""
    if region.pieces is None:
        instead = "it is done at once, and its score is stored"
    else:
        instead = "it is done some queries at a time, whose scores are made again for the gradient"
    return f"no attention kernel does it, because {region.refused}; {instead}"
