"""The core's gates: requests and tokens per minute, and concurrent calls, each per API key or signed-in user."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

import msgspec
from django.core.cache import caches

from threadless.calls.gates import Gate
from threadless.conf import conf
from threadless.exceptions import Overloaded, RateLimited, retry_headers
from threadless.server.process import reset_after_fork
from threadless.types import Caller
from threadless.usage.base import Outcome

if TYPE_CHECKING:
    from threadless.calls.call import Call

logger = logging.getLogger("threadless")

T = TypeVar("T")

_WINDOW_SECONDS: Final = 60
_WARNING_SECONDS: Final = 60

_next_warning = 0.0


class Limit(msgspec.Struct, frozen=True):
    """A limit and what is left of it in this minute."""

    unit: str
    limit: int
    used: int
    reset_seconds: float

    def headers(self) -> dict[str, str]:
        """The `x-ratelimit-*` headers of this unit, with the reset in the OpenAI API's notation (`59s`)."""
        return {
            f"x-ratelimit-limit-{self.unit}": str(self.limit),
            f"x-ratelimit-remaining-{self.unit}": str(max(self.limit - self.used, 0)),
            f"x-ratelimit-reset-{self.unit}": notation(self.reset_seconds),
        }

    def refusal(self) -> RateLimited:
        """The error for a caller who has used up the limit."""
        return RateLimited(
            f"Rate limit reached: {self.limit} {self.unit} per minute. "
            f"Please try again in {notation(self.reset_seconds)}.",
            headers=retry_headers(self.reset_seconds),
        )


def notation(seconds: float) -> str:
    """`1s`, `6m0s`: durations as the OpenAI API writes them."""
    minutes, rest = divmod(max(round(seconds), 1), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


class _RateGate(Gate):
    """A limit per minute, counted in the cache in windows of a minute."""

    unit: ClassVar[str]
    _limit: Limit | None = None

    def headers(self) -> Mapping[str, str]:
        return self._limit.headers() if self._limit is not None else {}

    def _look(self, limit: int, used: int | None, now: float) -> Limit | None:
        """The current state of the limit; None if the cache cannot be reached."""
        if used is not None:
            self._limit = Limit(self.unit, limit, used, _WINDOW_SECONDS - now % _WINDOW_SECONDS)
        return self._limit


class RequestRateGate(_RateGate):
    """`REQUESTS_PER_MINUTE`."""

    unit = "requests"

    def knock(self, caller: Caller) -> None:
        if (limit := conf.requests_per_minute) is None:
            return
        now = time.time()
        left = self._look(limit, _counted(lambda: _add(_counter(caller, self.unit, now), 1)), now)
        if left is not None and left.used > limit:
            raise left.refusal()


class TokenRateGate(_RateGate):
    """`TOKENS_PER_MINUTE`. Tokens are counted after each call, so running calls may exceed the limit."""

    unit = "tokens"

    def knock(self, caller: Caller) -> None:
        if (limit := conf.tokens_per_minute) is None:
            return
        now = time.time()
        left = self._look(limit, _counted(lambda: _read(_counter(caller, self.unit, now))), now)
        if left is not None and left.used >= limit:
            raise left.refusal()

    def leave(self, call: Call, outcome: Outcome | None) -> None:
        usage = outcome.usage if outcome is not None else None
        if usage is not None and conf.tokens_per_minute is not None:
            tokens = usage.prompt_tokens + usage.completion_tokens
            _counted(lambda: _add(_counter(call.caller, self.unit, time.time()), tokens), must_count=False)


class ConcurrencyGate(Gate):
    """`CONCURRENT_CALLS_PER_KEY`: one key cannot occupy every thread of a server process."""

    _open: ClassVar[dict[str, int]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def admit(self, call: Call) -> None:
        limit, identity = conf.concurrent_calls_per_key, _identity(call.caller)
        with self._lock:
            running = self._open.get(identity, 0)
            if limit is not None and running >= limit:
                raise RateLimited(
                    f"Too many concurrent calls: this key is limited to {limit}.", headers=retry_headers(1)
                )
            self._open[identity] = running + 1

    def leave(self, call: Call, outcome: Outcome | None) -> None:
        identity = _identity(call.caller)
        with self._lock:
            self._open[identity] -= 1
            if self._open[identity] <= 0:
                del self._open[identity]

    @classmethod
    def reset(cls) -> None:
        """Forget all calls. After a fork they belong to the parent."""
        cls._open.clear()
        cls._lock = threading.Lock()


reset_after_fork(ConcurrencyGate.reset)


def _identity(caller: Caller) -> str:
    return f"key-{caller.key_id}" if caller.key_id else f"user-{caller.user_id}"


def _counter(caller: Caller, unit: str, now: float) -> str:
    """The cache key of the caller's counter of this minute."""
    return f"threadless:{unit}:{_identity(caller)}:{int(now // _WINDOW_SECONDS)}"


def _read(cache_key: str) -> int:
    return int(caches[conf.throttle_cache].get(cache_key, 0))


def _add(cache_key: str, amount: int) -> int:
    """Add to a counter and return its value. `incr` is atomic in shared caches."""
    cache = caches[conf.throttle_cache]
    try:
        return int(cache.incr(cache_key, amount))
    except ValueError:  # the first request of this minute
        cache.add(cache_key, 0, timeout=2 * _WINDOW_SECONDS)
    try:
        return int(cache.incr(cache_key, amount))
    except ValueError:  # evicted in between: the window starts again
        cache.set(cache_key, amount, timeout=2 * _WINDOW_SECONDS)
        return amount


def _counted(count: Callable[[], T], *, must_count: bool = True) -> T | None:
    """The result of `count`. If the cache cannot be reached: None, or `Overloaded` if `CACHE_FAILURE` says "refuse"."""
    try:
        return count()
    except Exception as error:  # noqa: BLE001  (each cache client has its own exceptions)
        reason = f"The cache {conf.throttle_cache!r} for rate limits failed: {type(error).__name__}."
    if must_count and conf.cache_failure == "refuse":
        refusal = Overloaded()
        refusal.log_detail = reason
        raise refusal
    _warn(reason)
    return None


def _warn(reason: str) -> None:
    """Log once a minute and process: every call meets the same failure."""
    global _next_warning
    if (now := time.monotonic()) >= _next_warning:
        _next_warning = now + _WARNING_SECONDS
        logger.warning("%s Calls are not counted.", reason)
