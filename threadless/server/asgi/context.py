"""Context variables of a request that runs in a thread of the pool: each request has its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

from asgiref.sync import SyncToAsync
from django.core.cache import caches

_of_thread = threading.local()


def enter_context(loop: Any) -> None:
    """Prepare the context of a request, in which this thread now runs.

    Django keeps the clients of its caches in context variables. In a new context each request would open a connection
    to Redis, so here it gets the clients of its thread. Coroutines run in the loop of the server, as they do under
    `sync_to_async`; asgiref would otherwise start their own loop in a new thread.
    """
    if not hasattr(_of_thread, "cache_clients"):
        _of_thread.cache_clients = dict(_new_cache_clients())
    for alias, client in _of_thread.cache_clients.items():
        caches[alias] = client
    SyncToAsync.threadlocal.main_event_loop = loop
    SyncToAsync.threadlocal.main_event_loop_pid = os.getpid()


def _new_cache_clients() -> Iterator[tuple[str, Any]]:
    for alias in caches:
        try:
            yield alias, caches.create_connection(alias)
        except Exception:  # noqa: BLE001, S112  (Django reports it to the code that uses this cache)
            continue
