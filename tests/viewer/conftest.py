"""A browser without a window, and pages made of models to open in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from attncomp import pipeline
from attncomp.inspect.html import page
from attncomp.ir.graph import Graph

Open = Callable[[Path | str], webdriver.Chrome]

FLAGS = (
    "--headless", "--no-sandbox",
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-prefers-reduced-motion", "--window-size=1400,900",
)  # fmt: skip


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.fail("these tests need Chromium: install the Debian packages chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    yield opened
    opened.quit()


@pytest.fixture
def show(browser: webdriver.Chrome, tmp_path: Path) -> Iterator[Open]:
    """Opens a model's page; whatever the page logs fails the test."""

    def open_(model: Path | str | list[tuple[str, Graph]]) -> webdriver.Chrome:
        target = tmp_path / "page.html"
        target.write_text(made(model), encoding="utf-8")
        browser.get(target.as_uri())
        assert browser.execute_script("return document.documentElement.dataset.ready") == "true"
        return browser

    browser.get_log("browser")
    yield open_
    assert browser.get_log("browser") == []


def made(model: Path | str | list[tuple[str, Graph]]) -> str:
    if isinstance(model, list):
        return page(model, title="synthetic", sources={})
    built = pipeline.build(pipeline.parse(model))
    history = [("built", built.graph)]
    optimised = pipeline.optimise(built.graph, observe=lambda name, graph: history.append((name, graph.copy())))
    return page(history, title=built.files.title, sources=built.files.sources, remarks=optimised.remarks)
