"""Regions on several threads: the same numbers, the caller's BLAS as it was, errors where they belong."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.threads import PIECE_BYTES, THREADS, Working, blas, blas_limit, each_piece
from emitted_text import load

import attncomp

ATTENTION = """
model Attend(q: f32[batch, head, seq, key], k: f32[batch, head, source, key], v: f32[batch, head, source, key])
    -> f32[batch, head, seq, key] {
  scores = where(|source| - |seq| + @seq >= @source, q @{key} k / sqrt(|key|), -inf)
  return softmax{source}(scores) @{source} v
}
""".replace("@seq", "arange{seq}()").replace("@source", "arange{source}()")


def draw(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def inputs(seq: int, source: int) -> tuple[np.ndarray, ...]:
    return draw(2, 3, seq, 8, seed=1), draw(2, 3, source, 8, seed=2), draw(2, 3, source, 8, seed=3)


def threads_of_blas() -> int:
    library = blas()
    assert library is not None, "the tests run with NumPy's own wheel, which brings OpenBLAS"
    return library.threads()


@pytest.mark.parametrize(("seq", "source"), [(1, 1), (257, 391), (130, 1031), (5, 0), (0, 7)])
def test_one_thread_and_several_give_the_same(seq: int, source: int) -> None:
    module = attncomp.compile(ATTENTION)
    given = inputs(seq, source)
    model = load(module.source).Attend
    alone = model({}, threads=1)(*given)
    for threads in (2, 3):
        np.testing.assert_array_equal(model({}, threads=threads)(*given), alone)
    scores = np.einsum("bhtk,bhsk->bhts", given[0], given[1]).astype(np.float64) / np.sqrt(8)
    kept = source - seq + np.arange(seq)[:, None] >= np.arange(source)
    powers = np.where(kept, np.exp(scores), 0)
    total = powers.sum(-1, keepdims=True)
    expected = np.einsum("bhts,bhsk->bhtk", powers / np.where(total == 0, 1, total), given[2])
    np.testing.assert_allclose(alone, expected, atol=2e-5)


def test_the_threads_of_a_module_are_set_and_kept() -> None:
    module = attncomp.compile(ATTENTION)
    assert module.threads is None
    module.threads = 1
    module(*inputs(4, 5))
    assert module.instance.threads == 1
    module.threads = 2
    assert module.instance.threads == 2
    with pytest.raises(ValueError, match="one thread at least"):
        module.threads = 0
    with pytest.raises(ValueError, match="set_num_threads"):
        attncomp.compile(ATTENTION, backend="torch").threads = 2


def test_a_module_is_called_from_several_threads_at_once() -> None:
    module = attncomp.compile(ATTENTION)
    model = load(module.source).Attend({}, threads=2)
    before = threads_of_blas()
    many = [inputs(300 + number, 500 + number) for number in range(8)]
    expected = [model(*given) for given in many]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda given: model(*given), many * 3))
    for number, result in enumerate(found):
        np.testing.assert_array_equal(result, expected[number % len(many)])
    assert threads_of_blas() == before


def test_calls_share_one_limit_on_blas_and_leave_nothing_behind() -> None:
    before = threads_of_blas()
    first, second = (load(attncomp.compile(ATTENTION).source) for _ in range(2))
    assert first.blas_limit() is second.blas_limit() is blas_limit()
    assert first.blas_limit().enter() == before
    assert second.blas_limit().enter() == before
    assert threads_of_blas() == 1
    first.blas_limit().leave()
    assert threads_of_blas() == 1
    second.blas_limit().leave()
    assert threads_of_blas() == before


def test_calls_at_the_same_time_have_a_memory_each_and_leave_it_for_the_next() -> None:
    owner = load(attncomp.compile(ATTENTION).source).Attend({})
    with Working(owner) as first, Working(owner) as second:
        assert first is not second
    with Working(owner) as third:
        assert third in (first, second)
    with pytest.raises(ZeroDivisionError), Working(owner):
        raise ZeroDivisionError
    assert len(owner.memories) == 2


def test_a_block_of_memory_is_used_again_and_grows() -> None:
    memory = Memory()
    small = memory(0, (2, 3))
    assert memory(0, (2, 3)) is small
    assert np.shares_memory(small, memory(0, (3,), np.float64)[:3])
    assert not np.shares_memory(small, memory("columns", (2, 3)))
    large = memory(0, (5, 7), np.float64)
    assert large.flags.c_contiguous and not np.shares_memory(small, large)
    assert np.shares_memory(large, memory(0, (2, 3)))
    assert memory.nbytes == 5 * 7 * 8 + 2 * 3 * 4
    assert memory.worker(1) is memory.worker(1) is not memory.worker(0)


def test_pieces_are_done_once_each_and_on_more_than_one_thread() -> None:
    done = np.zeros((40, 3), int)
    seen: set[int] = set()
    owns: set[int] = set()
    meeting = threading.Barrier(2, timeout=20)

    def work(own: Memory, rows: slice, columns: slice) -> None:
        if rows.start < 2:
            meeting.wait()
        done[rows, columns] += 1
        seen.add(threading.get_ident())
        owns.add(id(own))

    token = THREADS.set(2)
    each_piece(work, (40, 3), PIECE_BYTES // 3, Memory())
    THREADS.reset(token)
    assert (done == 1).all()
    assert len(seen) == len(owns) == 2


def test_an_error_in_a_piece_reaches_the_caller() -> None:
    before = threads_of_blas()

    def work(own: Memory, rows: slice) -> None:
        raise MemoryError(f"at {rows.start}")

    token = THREADS.set(2)
    with pytest.raises(MemoryError):
        each_piece(work, (8,), PIECE_BYTES, Memory())
    THREADS.reset(token)
    assert threads_of_blas() == before
