"""The thread pool: threads start when they are needed, are used again, and end when they have been idle."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.support.fixtures import Configure
from threadless.exceptions import Overloaded
from threadless.server.asgi.pool import ThreadPool

SECONDS = 10


@pytest.fixture
def pool(configure: Configure) -> Iterator[ThreadPool]:
    """At most two threads, and so a queue of one."""
    configure(ASGI_THREADS=2)
    pool = ThreadPool()
    yield pool
    pool.retire()


class Job:
    """Holds its thread until it is released."""

    def __init__(self) -> None:
        self.has_begun, self.may_end = threading.Event(), threading.Event()
        self.thread: threading.Thread | None = None

    def __call__(self) -> None:
        self.thread = threading.current_thread()
        self.has_begun.set()
        assert self.may_end.wait(SECONDS)


def occupy(pool: ThreadPool, count: int) -> list[Job]:
    """Jobs that hold this many threads."""
    jobs = [Job() for _ in range(count)]
    for job in jobs:
        assert pool.submit(job)
        assert job.has_begun.wait(SECONDS)
    return jobs


def release(jobs: list[Job]) -> None:
    for job in jobs:
        job.may_end.set()


def test_pool_grows_to_its_limit_then_queues_then_refuses(pool: ThreadPool) -> None:
    jobs = occupy(pool, 2)

    assert pool.submit(lambda: None) is False
    with pytest.raises(Overloaded):
        pool.submit(lambda: None)
    assert pool.size == 2
    release(jobs)


def test_end_of_a_request_is_never_refused_and_comes_first(pool: ThreadPool) -> None:
    order: list[str] = []
    has_run = threading.Event()
    jobs = occupy(pool, 2)

    def request() -> None:
        order.append("request")
        has_run.set()

    pool.submit(request)
    pool.submit_first(lambda: order.append("end"))
    release(jobs[:1])

    assert has_run.wait(SECONDS)
    assert order == ["end", "request"]
    release(jobs)


def test_withdrawn_work_does_not_run(pool: ThreadPool) -> None:
    has_run = threading.Event()
    jobs = occupy(pool, 2)
    pool.submit(has_run.set)

    assert (pool.withdraw(has_run.set), pool.withdraw(has_run.set)) == (True, False)
    release(jobs)
    pool.submit_first(has_run.clear)
    assert not has_run.is_set()


def test_thread_ends_when_it_has_been_idle(configure: Configure) -> None:
    pool = ThreadPool(idle_seconds=0.01)
    (job,) = occupy(pool, 1)
    release([job])

    assert job.thread is not None
    job.thread.join(SECONDS)
    assert (job.thread.is_alive(), pool.size) == (False, 0)


def test_thread_that_became_idle_last_is_used_first(pool: ThreadPool) -> None:
    first, second = occupy(pool, 2)
    release([first])
    while len(pool._idle) < 1:
        pass
    release([second])
    while len(pool._idle) < 2:
        pass
    (third,) = occupy(pool, 1)

    assert third.thread is second.thread
    release([third])


def test_process_without_any_thread_refuses(pool: ThreadPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(Overloaded):
        pool.submit(lambda: None)
    assert pool.size == 0
