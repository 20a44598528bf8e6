"""The benchmark itself, in small: that it runs, compares what it should, and tells what it found. No time is judged."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from attncomp import pipeline
from attncomp.bench.contest import Measured
from attncomp.bench.subject import KINDS

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "numpy_speed.py"
# Networks that cannot be made small take most of the time: all but DeepLabV3, MobileNetV3 and MiniLM.
CHOSEN = "[!DM]*"

Scripts = Mapping[str, ModuleType]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    command = [sys.executable, str(SCRIPT), "--quick", "--only", CHOSEN, "--threads", "1", "--output", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "BLAS of NumPy" in done.stdout and "--quick" in done.stdout
    return folder


@pytest.fixture(scope="module")
def document(results: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((results / "numpy_speed.json").read_text(encoding="utf-8"))
    return found


def test_every_row_is_measured(document: dict[str, Any]) -> None:
    titles = [row["title"] for row in document["rows"]]
    assert len(titles) >= 20 and "SE, 32 x 256 x 56 x 56" in titles and "GPT-2, 1 x 128" in titles
    for row in document["rows"]:
        assert row["failure"] is None, row
        ours, *others = row["contestants"]
        assert ours["name"] == "NumPy module" and others
        for one in row["contestants"]:
            assert one["failure"] is None, (row["title"], one)
            assert one["median"] > 0 and len(one["seconds"]) >= 1 and one["peak_bytes"] >= 0


def test_results_are_compared(document: dict[str, Any]) -> None:
    alone = {"np.copyto", "own full attention"}
    for row in document["rows"]:
        for one in row["contestants"][1:]:
            if one["name"] in alone:
                assert one["difference"] is None
            else:
                assert 0 <= one["difference"] < 1e-4, (row["title"], one["name"])


def test_what_is_aimed_at_is_judged(document: dict[str, Any]) -> None:
    verdicts = {row["title"]: row["verdicts"] for row in document["rows"]}
    assert [(one["rival"], one["target"]) for one in verdicts["attention, 8 x 256 x 64"]] == [
        ("torch SDPA", 1.05),
        ("torch eager chain", 0.35),
    ]
    for found in verdicts.values():
        for one in found:
            assert one["met"] == (one["found"] <= one["target"])


def test_growth_has_exponents_and_a_figure(document: dict[str, Any], results: Path) -> None:
    (growth,) = document["growth"]
    assert list(growth["points"]) == ["256", "512"]
    assert isinstance(growth["exponents"]["NumPy module"]["time"], float)
    assert (results / "numpy_speed_growth.png").read_bytes().startswith(b"\x89PNG")
    drawn = (results / "numpy_speed_growth.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<?xml") and "NumPy module" in drawn


def test_what_is_missed_has_a_profile(document: dict[str, Any]) -> None:
    causes = 0
    for row in document["rows"]:
        missed = any(one["what"] == "time" and not one["met"] for one in row["verdicts"])
        assert (row["cause"] is not None) == missed, row["title"]
        if missed:
            causes += 1
            assert row["cause"]["least"]["seconds"] > 0 and row["cause"]["profile"]["parts"]
            assert "%" in row["cause"]["bound_by"]
    assert causes  # in small some are always missed


def test_the_page_says_on_what_and_how(results: Path, document: dict[str, Any]) -> None:
    page = (results / "numpy_speed.md").read_text(encoding="utf-8")
    for words in ("--quick", "BLAS of NumPy", "load", "code", "targets are met", "stands in for timm", "bound by: "):
        assert words in page
    assert str(results) not in page and str(Path.home()) not in page
    headings = [line.lstrip("#").strip() for line in page.splitlines() if line.startswith("#")]
    for row in document["rows"]:
        assert row["title"] in headings
        assert f"`{row['model']}` at " in page


def test_links_lead_to_headings(results: Path, scripts: Scripts) -> None:
    page = (results / "numpy_speed.md").read_text(encoding="utf-8")
    anchors = {scripts["report"].anchor(line.lstrip("# ")) for line in page.splitlines() if line.startswith("#")}
    links = set(re.findall(r"\]\((#[^)]*)\)", page))
    assert len(links) > 10 and links <= anchors
    assert scripts["report"].anchor("ViT-S/16, 1 x 3") == "#vit-s16-1-x-3"


def test_the_command_is_told_without_the_folder(scripts: Scripts) -> None:
    shown = scripts["numpy_speed"].shown_command
    assert shown(["--quick", "--output", "/tmp/x", "--only", "SE*"]) == (
        "python benchmarks/numpy_speed.py --quick --only 'SE*'"
    )
    assert shown(["--output=/tmp/x"]) == "python benchmarks/numpy_speed.py"


def test_the_table_is_sound(scripts: Scripts) -> None:
    rows = scripts["rows"].rows()
    titles = [row.title for row in rows]
    assert len(set(titles)) == len(titles)
    groups = [row.group for row in rows]
    assert groups == sorted(groups, key=groups.index)  # a group's rows stand together
    for row in rows:
        assert len({rival.name for rival in row.rivals}) == len(row.rivals)
        for rival in row.rivals:
            ways = [rival.function, rival.kind, rival.own]
            assert sum(bool(way) for way in ways) == 1
            assert not rival.function or callable(getattr(scripts["peers"], rival.function))
            assert not rival.kind or rival.kind in KINDS


def test_every_work_is_a_model_with_those_sizes(scripts: Scripts) -> None:
    works = {(row.work.file, row.work.model): row.work for row in scripts["rows"].rows()}
    for work in works.values():
        small = work.quick()
        built = pipeline.build(pipeline.parse(small.file), model=small.model, options=small.options)
        assert set(built.graph.symbols()) == set(small.sizes), work


def test_the_exponent_of_a_power(scripts: Scripts) -> None:
    exponent = scripts["measure"].exponent
    assert exponent([(x, 3 * x**1.7) for x in (2, 5, 9, 40)]) == pytest.approx(1.7)
    assert exponent([(2, 1.0)]) is None


def test_points_that_are_rows_are_not_measured_again(scripts: Scripts) -> None:
    rows, measure = scripts["rows"], scripts["measure"]
    table, (lengths, depths) = rows.rows(), rows.series()
    known = [place for one in (lengths, depths) for place, row in one.points.items() if any(map(row.is_part_of, table))]
    assert known == [256, 1024, 4096, 16384, 6]
    row = next(row for row in table if row.title == "attention, 8 x 256 x 64")
    numbers = tuple(
        Measured(name, "", (float(place),), place)
        for place, name in enumerate(("NumPy module", "torch eager chain", "torch SDPA"), start=1)
    )
    before = [measure.Outcome(row, row.work.sizes, numbers)]
    series = replace(lengths, points={256: lengths.points[256]})
    growth = measure.measure_series(series, measure.Setting(1, 1), crew=None, profiler=None, before=before)
    assert growth.points("NumPy module", "time") == [(256, 1.0)] and growth.points("torch SDPA", "memory") == [(256, 3)]
    assert growth.names() == ["NumPy module", "torch SDPA"]


def test_growth_as_the_page_tells_it(scripts: Scripts) -> None:
    rows, measure, report = scripts["rows"], scripts["measure"], scripts["report"]
    _, depths = rows.series()
    outcomes = {
        place: measure.Outcome(row, {}, (Measured("NumPy module", "", (place * 1e-3,), 2**20),))
        for place, row in depths.points.items()
    }
    page = report.as_page([], [measure.Growth(depths, outcomes)], {}, "make bench", "growth.svg")
    assert "| MiniLM, 1 x 128 | layers | NumPy module | 1.00 | 0.00 |" in page
    assert "| 12 | 12 ms | 1.0 MiB |" in page and "](growth.svg)" in page


def test_a_work_that_does_not_run_is_told(scripts: Scripts) -> None:
    rows, measure, report = scripts["rows"], scripts["measure"], scripts["report"]
    work = rows.Work(rows.WORK / "gates.attn", "SE", {"batch": 1, "height": 2, "width": 2}, {"channels": 7})
    row = rows.Row("gates", "odd", work, (rows.copied(1.0),))
    outcome = measure.measure(row, measure.Setting(1, 1), crew=None, profiler=None)
    assert outcome.failure is not None and "E031" in outcome.failure
    page = report.as_page([outcome], [], {"processor": "one"}, "make bench")
    assert "Not measured: E031" in page and "0 of 0 targets" in page


def test_what_is_missed_is_marked(scripts: Scripts) -> None:
    rows, measure, report = scripts["rows"], scripts["measure"], scripts["report"]
    row = rows.Row("gates", "SE", rows.SERESNET, (rows.copied(1.1),), beside_result=5)
    measured = (Measured("NumPy module", "", (3.0,), 30, result_bytes=20), Measured("np.copyto", "warm", (2.0,), 10))
    verdicts = tuple(measure._verdicts(row, row.rivals, measured))
    assert [(one.found, one.met) for one in verdicts] == [(1.5, False), (10, False)]
    page = report.as_page([measure.Outcome(row, {}, measured, verdicts)], [], {}, "make bench")
    assert "| np.copyto | 1.50 | ≤ 1.1 | **missed by 36 %** |" in page
    assert "| inputs and result alone |  |  |  | 0.0 MiB | ≤ 0.0 MiB | **missed by 100 %** |" in page
    assert "- **missed**: time 1.50 of np.copyto, at most 1.1" in page
    assert "- np.copyto: warm" in page
    assert "0 of 2 targets are met" in page
