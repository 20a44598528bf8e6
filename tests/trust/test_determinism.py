"""The same graph, remarks and modules under another hash seed."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
from end_to_end.everywhere import emitted
from hypothesis import HealthCheck, Phase, given, settings
from trust.graphs import graphs

from attncomp.ir.print import print_graph
from attncomp.passes.registry import pass_sequence
from attncomp.passes.runner import run_passes


@settings(max_examples=25, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck))
@given(graphs())
def show(drawn):
    _, remarks = run_passes(drawn.graph, pass_sequence())
    print(print_graph(drawn.graph), *remarks, emitted(drawn.graph, "numpy")[0], sep="\\n")


show()
"""


def shown(seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_hash_seed_changes_nothing() -> None:
    first = shown("0")
    assert first.count("graph ") > 25
    assert shown("4242") == first
