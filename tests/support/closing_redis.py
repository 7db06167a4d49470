"""Django's Redis cache with connections that can be closed at the end of a test, also those of other threads."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.redis import RedisCache

_caches: list[Any] = []


class ClosingRedisCache(RedisCache):
    """One instance for each thread. Django leaves their connections to the garbage collector."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        _caches.append(self)


def close_caches() -> None:
    """Close the connections of all instances."""
    while _caches:
        client = _caches.pop().__dict__.get("_cache")
        for pool in client._pools.values() if client is not None else ():
            pool.disconnect()
