"""What tests of limits share: caches of each kind, an answer with usage, and what the headers say."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from typing import Any, Final

import pytest

from threadless.testing import CompletionClient

Limit = Callable[..., None]
"""The fixture `limit`: takes our settings by name."""

BROKEN: Final = {"default": {"BACKEND": "tests.support.broken_cache.BrokenCache"}}
REDIS_URL: Final = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
MEMCACHED: Final = os.environ.get("MEMCACHED_ADDRESS", "")
"""Host and port of a Memcached on which the tests also run; needs `pymemcache`."""
SHARED_CACHES: Final = ["redis", *(["memcached"] if MEMCACHED else [])]
"""What processes can count in together."""
USAGE: Final = {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}
ANSWER: Final = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
    "usage": USAGE,
}


def local_cache() -> dict[str, str]:
    """Its own cache in this process."""
    return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid.uuid4().hex}


def redis_cache() -> dict[str, str]:
    """A Redis cache with its own key prefix. Skips the test if there is no Redis server."""
    redis = pytest.importorskip("redis")
    try:
        redis.Redis.from_url(REDIS_URL, socket_connect_timeout=1).ping()
    except redis.RedisError as error:
        pytest.skip(f"no Redis at {REDIS_URL}: {error}")
    backend = "tests.support.closing_caches.ClosingRedisCache"
    return {"BACKEND": backend, "LOCATION": REDIS_URL, "KEY_PREFIX": uuid.uuid4().hex}


def memcached_cache() -> dict[str, str]:
    """A cache in Memcached with its own names."""
    backend = "tests.support.closing_caches.ClosingMemcachedCache"
    return {"BACKEND": backend, "LOCATION": MEMCACHED, "KEY_PREFIX": uuid.uuid4().hex}


CACHES: Final = {"local": local_cache, "redis": redis_cache, "memcached": memcached_cache}


def call(client: CompletionClient) -> Any:
    """One completion."""
    return client.complete("small", "Hi")


def rate_headers(response: Any, unit: str) -> tuple[str | None, ...]:
    """Limit, remaining, reset."""
    return tuple(response.headers.get(f"x-ratelimit-{name}-{unit}") for name in ("limit", "remaining", "reset"))
