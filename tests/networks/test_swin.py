"""Swin-T against timm's, whose outputs are stored in `tests/references`."""

from __future__ import annotations

import pytest
from references import generator
from references.compare import BACKENDS, EXAMPLES, compiled, errors

import attncomp


@pytest.mark.parametrize("backend", BACKENDS)
def test_agrees_with_timm_for_two_pictures_and_for_one(backend: str) -> None:
    module = compiled("swin_tiny", backend)
    assert max(errors("swin_tiny", module)) <= 1e-4
    fused = [remark.region for remark in module.remarks if remark.kind == "fused"]
    assert fused.count("attention") == 2 + 2 + 6 + 2


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_side_of_one_window_is_not_shifted_while_the_other_is(backend: str) -> None:
    module = attncomp.compile(EXAMPLES / "swin_tiny.attn", backend=backend, sides=[224, 448])
    shapes = {key: (info.shape, info.dtype[0]) for key, info in module.parameters.items()}
    module.load(generator.weights(shapes))
    assert max(errors("swin_tiny_wide", module)) <= 1e-4


def test_windows_must_fill_the_picture() -> None:
    with pytest.raises(attncomp.CompileError, match=r"E031.*: 60 does not divide by 7"):
        attncomp.compile(EXAMPLES / "swin_tiny.attn", sides=[240, 224])
