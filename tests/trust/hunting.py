"""How many examples each property draws: a few, the same in every run, or as many as `ATTNCOMP_TRUST_EXAMPLES` says."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_WANTED = os.environ.get("ATTNCOMP_TRUST_EXAMPLES", "")


def examples(usual: int) -> settings:
    """Settings for `usual` examples; in a hunt they are drawn anew at each run."""
    return settings(
        max_examples=int(_WANTED or usual),
        derandomize=not _WANTED,
        database=None,
        deadline=None,
        print_blob=bool(_WANTED),
        suppress_health_check=list(HealthCheck),
    )
