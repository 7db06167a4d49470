"""A check of idle connections that cannot run now does not prevent a later one."""

from __future__ import annotations

import threading

import pytest
from django.db import connections

from threadless.db import pools

pytestmark = [pytest.mark.django_db]


class Pool:
    """What is used of psycopg's pool."""

    __module__ = "psycopg_pool.pool"

    def __init__(self) -> None:
        self.checked = threading.Event()

    def get_stats(self) -> dict[str, int]:
        return {"pool_available": 1}

    def check(self) -> None:
        self.checked.set()


def test_pool_is_checked_after_a_process_had_no_thread_left(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool()
    monkeypatch.setattr(type(connections["default"]), "pool", pool, raising=False)

    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        pools.check_idle_connections()
    assert not pool.checked.is_set()
    pools.check_idle_connections()
    assert pool.checked.wait(10)
