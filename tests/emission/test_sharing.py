"""Functions that do the same are written once."""

from __future__ import annotations

from attncomp.emission.sharing import Sharing

FIRST = [
    "# pointwise, a.attn:3",
    "def add_relu(long_name: Array, y: Array) -> Array:",
    "    return relu(long_name + y)",
]
SECOND = ["# pointwise, a.attn:9", "def add_relu_2(y: Array, x: Array) -> Array:", "    return relu(y + x)"]


def settled(*functions: tuple[list[str], str, set[str]]) -> tuple[list[str], list[list[str]]]:
    sharing, written = Sharing(), []
    names = []
    for lines, name, variables in functions:
        written.append(list(lines))
        names.append(sharing.settle(written, name, variables))
    return names, written


def test_the_shortest_text_is_kept_under_the_first_name() -> None:
    names, written = settled((FIRST, "add_relu", {"long_name", "y"}), (SECOND, "add_relu_2", {"y", "x"}))
    assert names == ["add_relu", "add_relu"]
    assert written == [[SECOND[0], "def add_relu(y: Array, x: Array) -> Array:", SECOND[2]]]


def test_a_longer_text_goes() -> None:
    names, written = settled((SECOND, "add_relu_2", {"y", "x"}), (FIRST, "add_relu", {"long_name", "y"}))
    assert names == ["add_relu_2", "add_relu_2"]
    assert written == [SECOND]


def test_exchanged_variables_are_another_function() -> None:
    other = ["def f(y: Array, x: Array) -> Array:", "    return relu(x + y)"]
    names, written = settled((SECOND, "add_relu_2", {"y", "x"}), (other, "f", {"y", "x"}))
    assert names == ["add_relu_2", "f"]
    assert len(written) == 2


def test_one_variable_twice_is_not_two() -> None:
    both = ["def f(a: Array, b: Array) -> Array:", "    return a + b"]
    same = ["def g(a: Array, b: Array) -> Array:", "    return a + a"]
    assert settled((both, "f", {"a", "b"}), (same, "g", {"a", "b"}))[0] == ["f", "g"]


def test_keywords_and_attributes_are_no_variables() -> None:
    one = ["def f(axis: Array) -> Array:", "    return np.sum(axis, axis=0)"]
    other = ["def g(keepdims: Array) -> Array:", "    return np.sum(keepdims, keepdims=0)"]
    assert settled((one, "f", {"axis"}), (other, "g", {"keepdims"}))[0] == ["f", "g"]
    one = ["def f(shape: Array) -> Array:", "    return shape.shape"]
    other = ["def g(size: Array) -> Array:", "    return size.size"]
    assert settled((one, "f", {"shape"}), (other, "g", {"size"}))[0] == ["f", "g"]
