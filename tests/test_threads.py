"""Work in threads: results in order, few items ahead of what is taken, and an end without the items left."""

import threading
import time

import pytest

from leukcnn.threads import in_threads, processors


@pytest.mark.parametrize("threads", [1, 3, None])
@pytest.mark.parametrize("n", [0, 1, 8, 9, 100])
def test_results_are_in_order(n, threads):
    def square(item):
        time.sleep(0.001 * (item % 3 == 0))
        return item**2

    assert list(in_threads(square, range(n), threads=threads)) == [item**2 for item in range(n)]
    assert processors() >= 1


def test_results_are_held_for_few_items_at_once():
    started = []
    results = in_threads(started.append, range(10_000), threads=2)
    next(results)
    time.sleep(0.05)
    assert len(started) < 200
    results.close()


def test_an_error_ends_the_work_and_is_the_caller_s():
    done, go = [], threading.Event()

    def work(item):
        if item == 3:
            raise ValueError("three")
        if item > 20:
            go.wait(1)
        done.append(item)

    with pytest.raises(ValueError, match="three"):
        list(in_threads(work, range(10_000), threads=2))
    assert len(done) < 200
