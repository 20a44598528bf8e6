"""ViT-S/16 against timm's, whose outputs are stored in `tests/references`."""

from __future__ import annotations

import pytest
from references.compare import BACKENDS, EXAMPLES, compiled, errors

import attncomp

NAME = "vit_small_patch16_224"


@pytest.mark.parametrize("backend", BACKENDS)
def test_agrees_with_timm_for_two_pictures_and_for_one(backend: str) -> None:
    module = compiled(NAME, backend)
    assert max(errors(NAME, module)) <= 1e-4
    fused = [remark.region for remark in module.remarks if remark.kind == "fused"]
    assert fused.count("attention") == 12


def test_another_size_of_picture_is_another_table_of_positions() -> None:
    path = EXAMPLES / f"{NAME}.attn"
    assert attncomp.compile(path, size=384).parameters["pos_embed"].shape == (1, 577, 384)
    with pytest.raises(attncomp.CompileError, match="385 does not divide by 6"):
        attncomp.compile(path, width=385)
