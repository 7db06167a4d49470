"""Threads that are used again: few of them kept, none lost."""

from __future__ import annotations

import queue
import threading
import time

from threadless.server.threads import Threads

WAIT = 10


def ran_in(threads: Threads) -> threading.Thread:
    """The thread that did some work."""
    used: queue.Queue[threading.Thread] = queue.Queue()
    threads.run(lambda: used.put(threading.current_thread()))
    return used.get(timeout=WAIT)


def test_idle_reader_is_used_again() -> None:
    threads, first = Threads("test"), None
    deadline = time.monotonic() + WAIT
    while (thread := ran_in(threads)) is not first:  # it is idle a moment after its work is done
        first = thread
        assert time.monotonic() < deadline
    threads.retire()


def test_calls_at_once_run_in_threads_of_their_own() -> None:
    threads, together = Threads("test", max_idle=0), threading.Barrier(3)

    def meet() -> None:
        together.wait(WAIT)

    for _ in range(2):
        threads.run(meet)
    assert together.wait(WAIT) in range(3)


def test_reader_beyond_the_most_that_wait_ends() -> None:
    thread = ran_in(Threads("test", max_idle=0))
    thread.join(WAIT)
    assert not thread.is_alive()


def test_reader_without_work_for_a_while_ends() -> None:
    thread = ran_in(Threads("test", idle_seconds=0.01))
    thread.join(WAIT)
    assert not thread.is_alive()


def test_retired_reader_ends_before_its_time() -> None:
    threads = Threads("test", idle_seconds=1000)
    thread = ran_in(threads)
    deadline = time.monotonic() + WAIT
    while thread.is_alive() and time.monotonic() < deadline:
        threads.retire()
    assert not thread.is_alive()
