"""Caches whose server cannot be reached."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.cache.backends.base import BaseCache


class BrokenCache(BaseCache):
    """Fails like a cache client without a connection."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def _fail(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ConnectionError("Connection refused.")

    get = set = add = incr = delete = touch = clear = _fail


class SilentCache(BaseCache):
    """Returns what pymemcache does while it waits to try a failed server again."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def incr(self, *args: Any, **kwargs: Any) -> Any:
        return False
