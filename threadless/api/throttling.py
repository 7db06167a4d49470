"""How much a caller may do: requests and tokens per minute, and calls at once.

DRF's own throttles bind their rates at import and lose counts when two workers write at once; these read the settings
live and count with the cache's atomic `incr`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.core.cache import BaseCache, caches
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from threadless.api.authentication import caller_of
from threadless.conf import conf
from threadless.exceptions import RateLimited
from threadless.types import Caller, Usage

_WINDOW_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Limit:
    """What is left of one limit; becomes the `x-ratelimit-*` headers."""

    unit: str
    limit: int
    remaining: int
    reset_seconds: float

    def headers(self) -> dict[str, str]:
        """The three headers of this unit, the reset in the OpenAI API's notation (`59s`)."""
        return {
            f"x-ratelimit-limit-{self.unit}": str(self.limit),
            f"x-ratelimit-remaining-{self.unit}": str(max(self.remaining, 0)),
            f"x-ratelimit-reset-{self.unit}": notation(self.reset_seconds),
        }


def notation(seconds: float) -> str:
    """`1s`, `6m0s`: durations as the OpenAI API writes them."""
    minutes, rest = divmod(max(round(seconds), 1), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


class KeyRateThrottle(BaseThrottle):
    """`REQUESTS_PER_MINUTE` and `TOKENS_PER_MINUTE` per caller, in windows of a minute.

    Tokens are known after a call, so a caller may exceed theirs by what was under way.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        caller, now = caller_of(request), time.time()
        cache = caches[conf.throttle_cache]
        if (limit := conf.requests_per_minute) is not None:
            used = _add(cache, _counter(caller, "requests", now), 1)
            view.limits.append(_limit("requests", limit, used, now))
        if (limit := conf.tokens_per_minute) is not None:
            used = int(cache.get(_counter(caller, "tokens", now), 0))
            view.limits.append(_limit("tokens", limit, used, now, room=1))
        for exceeded in view.limits:
            if exceeded.remaining < 0:
                self._refuse(exceeded)
        return True

    def _refuse(self, exceeded: Limit) -> None:
        wait = exceeded.reset_seconds
        headers = {"Retry-After": str(max(round(wait), 1)), "retry-after-ms": str(round(wait * 1000))}
        raise RateLimited(
            f"Rate limit reached: {exceeded.limit} {exceeded.unit} per minute. Please try again in {notation(wait)}.",
            headers=headers,
        )


def charge_tokens(caller: Caller, usage: Usage | None) -> None:
    """Count the tokens of a finished call against the caller's minute."""
    if usage is not None and conf.tokens_per_minute is not None:
        counter = _counter(caller, "tokens", time.time())
        _add(caches[conf.throttle_cache], counter, usage.prompt_tokens + usage.completion_tokens)


def _limit(unit: str, limit: int, used: int, now: float, *, room: int = 0) -> Limit:
    remaining = limit - used
    # Without room for one more token the next call is refused, though nothing is overdrawn.
    remaining = -1 if remaining < room else remaining
    return Limit(unit, limit, remaining, _WINDOW_SECONDS - now % _WINDOW_SECONDS)


def _add(cache: BaseCache, counter: str, amount: int) -> int:
    """Add to a counter and return its value."""
    try:
        return int(cache.incr(counter, amount))
    except ValueError:  # the first of this minute
        cache.add(counter, 0, timeout=2 * _WINDOW_SECONDS)
    try:
        return int(cache.incr(counter, amount))
    except ValueError:  # evicted in between: the window starts again
        cache.set(counter, amount, timeout=2 * _WINDOW_SECONDS)
        return amount


def _counter(caller: Caller, unit: str, now: float) -> str:
    """The name of the caller's counter of this minute."""
    return f"threadless:{unit}:{_identity(caller)}:{int(now // _WINDOW_SECONDS)}"


def _identity(caller: Caller) -> str:
    return f"key-{caller.key_id}" if caller.key_id else f"user-{caller.user_id}"


class ConcurrencyThrottle(BaseThrottle):
    """`CONCURRENT_CALLS_PER_KEY`: so that one key cannot take every thread of a server process."""

    _open: Counter[str] = Counter()
    _lock = threading.Lock()

    def allow_request(self, request: Request, view: Any) -> bool:
        limit = conf.concurrent_calls_per_key
        if limit is None:
            return True
        identity = _identity(caller_of(request))
        with self._lock:
            if self._open[identity] >= limit:
                raise RateLimited(
                    f"Too many calls at once: this key may have {limit} open.",
                    headers={"Retry-After": "1", "retry-after-ms": "1000"},
                )
            self._open[identity] += 1
        view.leases.append(self._lease(identity))
        return True

    def _lease(self, identity: str) -> Callable[[], None]:
        """Gives the place back; the second time does nothing."""
        is_held = True

        def release() -> None:
            nonlocal is_held
            with self._lock:
                if is_held:
                    is_held = False
                    self._open[identity] -= 1
                    if not self._open[identity]:
                        del self._open[identity]

        return release
