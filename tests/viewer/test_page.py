"""The page in a browser: clicks, keys, search, large graphs, and names that mean harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from attncomp.inspect.html.page import SCRIPTS, bundle, joined
from attncomp.ir.graph import Graph, Origin, Result
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType

EXAMPLES = Path(__file__).parents[2] / "examples"
OPTIMIZED = ".pane[data-side='1']"
HOSTILE = "</script><img src=x onerror=\"document.title='harmed'\">"
VALUE = ValueType(DType.F32, (Axis("seq", Size.symbol("seq")),))


def chain(length: int, scope: str = "", name: str = "") -> list[tuple[str, Graph]]:
    """A graph of relus in a row; `{}` in the scope is the number of a layer of twenty."""
    graph = Graph("Chain")
    at = graph.add("input", (), {"name": name or "x", "layout": (("seq",),)}, VALUE)
    for index in range(length):
        at = graph.add("relu", (at,), {}, VALUE, Origin(None, scope.format(index // 20)), name)
    graph.results = (Result(name or "out", at, (("seq",),)),)
    return [("built", graph), ("fold-constants", graph.copy())]


def boxes(browser: webdriver.Chrome, pane: str = OPTIMIZED) -> int:
    return len(browser.find_elements(By.CSS_SELECTOR, f"{pane} .item"))


def box(browser: webdriver.Chrome, label: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, f"{OPTIMIZED} .item[aria-label^='{label}']")


def details(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.ID, "details").text


def seek(browser: webdriver.Chrome, query: str) -> None:
    browser.find_element(By.ID, "search").send_keys(query, Keys.ENTER)


def test_a_click_says_everything_about_an_operator_and_marks_it_in_the_other_graph(show) -> None:
    browser = show(EXAMPLES / "se.attn")
    ActionChains(browser).click(box(browser, "convolution")).perform()
    shown = details(browser)
    for expected in ("convolution", "f32", "height", "width", "Operations", "Traffic", "the model file", "se.attn:"):
        assert expected in shown
    marked = browser.find_element(By.CSS_SELECTOR, "#details mark")
    assert marked.text in (EXAMPLES / "se.attn").read_text(encoding="utf-8")
    linked = browser.find_elements(By.CSS_SELECTOR, ".pane[data-side='0'] .item.linked")
    assert [item.get_attribute("aria-label").split(",")[0] for item in linked] == ["convolution"]


def test_a_region_unfolds_by_a_click_and_shows_what_it_was_made_of(show) -> None:
    browser = show(EXAMPLES / "se.attn")
    before = boxes(browser)
    region = box(browser, "gate region")
    ActionChains(browser).click(region.find_element(By.CSS_SELECTOR, ".fold")).perform()
    assert box(browser, "gate region").get_attribute("aria-expanded") == "true"
    assert boxes(browser) > before
    ActionChains(browser).click(box(browser, "gate region").find_element(By.CSS_SELECTOR, ".fold")).perform()
    assert boxes(browser) == before
    seek(browser, "gate region")
    assert "find-gate-regions" in details(browser)
    assert len(browser.find_elements(By.CSS_SELECTOR, ".pane[data-side='0'] .item.linked")) > 1


def test_search_jumps_into_a_folded_layer(show) -> None:
    browser = show(EXAMPLES / "minilm.attn")
    assert not browser.find_elements(By.CSS_SELECTOR, f"{OPTIMIZED} .item[aria-label*='layer.3.attention']")
    seek(browser, "attention region layer.3")
    focused = browser.switch_to.active_element.get_attribute("aria-label")
    assert "attention region" in focused
    assert "encoder.layer.3.attention" in focused
    assert "encoder.layer.3.attention" in details(browser)


def test_arrow_keys_follow_the_graph_and_enter_folds(show) -> None:
    browser = show(EXAMPLES / "se.attn")
    ActionChains(browser).click(box(browser, "input image")).perform()
    labels = []
    for key in (Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP):
        browser.switch_to.active_element.send_keys(key)
        labels.append(browser.switch_to.active_element.get_attribute("aria-label").split(",")[0].split()[0])
    assert labels == ["convolution", "relu", "convolution"]
    seek(browser, "gate region")
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.switch_to.active_element.get_attribute("aria-expanded") == "true"
    assert "unfolded" in browser.find_element(By.ID, "live").get_attribute("textContent")


def test_the_outline_is_a_tree_that_keys_unfold(show) -> None:
    browser = show(EXAMPLES / "minilm.attn")
    before = boxes(browser)
    row = browser.find_element(By.CSS_SELECTOR, "#outline [data-item='layer:encoder.layer.0']")
    browser.execute_script("arguments[0].click()", row)
    browser.execute_script("arguments[0].focus()", browser.find_element(By.CSS_SELECTOR, "#outline [tabindex='0']"))
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert boxes(browser) > before


def test_names_are_text_and_never_markup(show) -> None:
    browser = show(chain(3, name=HOSTILE))
    assert "harmed" not in browser.title
    assert not browser.find_elements(By.TAG_NAME, "img")
    seek(browser, "relu")
    assert HOSTILE in details(browser)


def test_a_thousand_operators_unfold(show) -> None:
    browser = show(chain(1000, "encoder.layer.{}"))
    browser.find_element(By.CSS_SELECTOR, f"{OPTIMIZED} [aria-label^='Unfold all']").click()
    assert boxes(browser) > 1000


def test_fifty_thousand_operators_open_folded(show) -> None:
    browser = show(chain(50_000))
    assert 1 < boxes(browser) <= 90
    browser.find_element(By.CSS_SELECTOR, f"{OPTIMIZED} [aria-label^='Unfold all']").click()
    assert boxes(browser) <= 1500


@pytest.mark.parametrize(
    ("path", "parts"),
    [("encoder.layer.3.attention", ["encoder", "layer.3", "attention"]), ("0.fc", ["0", "fc"]), ("", [])],
)
def test_parts_of_a_path(browser: webdriver.Chrome, path: str, parts: list[str]) -> None:
    script = joined(["text.js", "model.js"]) + "\nreturn layerParts(arguments[0]);"
    assert browser.execute_script(script, path) == parts


def test_the_scripts_are_one_script(browser: webdriver.Chrome) -> None:
    script = bundle()
    assert "\nimport " not in script
    assert "\nexport " not in script
    browser.execute_script("new Function(arguments[0])", script)
    folder = Path(__file__).parents[2] / "attncomp" / "inspect" / "html"
    assert {file.name for file in folder.glob("*.js")} == set(SCRIPTS)
