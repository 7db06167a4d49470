"""Django's shared caches with connections that can be closed at the end of a test, also those of other threads.

There is one instance for each thread. Django leaves their connections to the garbage collector.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.memcached import PyMemcacheCache
from django.core.cache.backends.redis import RedisCache

_closers: list[Callable[[], None]] = []


class ClosingRedisCache(RedisCache):
    """In Redis."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        _closers.append(self._disconnect)

    def _disconnect(self) -> None:
        client = self.__dict__.get("_cache")
        for pool in client._pools.values() if client is not None else ():
            pool.disconnect()


class ClosingMemcachedCache(PyMemcacheCache):
    """In Memcached."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        _closers.append(self._disconnect)

    def _disconnect(self) -> None:
        if (client := self.__dict__.get("_cache")) is not None:
            client.disconnect_all()


def close_caches() -> None:
    """Close the connections of all instances."""
    while _closers:
        _closers.pop()()
