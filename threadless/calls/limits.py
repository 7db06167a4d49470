"""The core's gates: requests per minute, tokens per minute, and concurrent calls."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from threadless.calls.gates import Gate
from threadless.calls.levels import Level, Limit, Unit, limits_of, owner_of, refusal, tightest
from threadless.calls.windows import Sum, Window
from threadless.conf import conf
from threadless.exceptions import APIError, Overloaded, RateLimited, retry_headers
from threadless.server.process import reset_after_fork
from threadless.types import Caller
from threadless.usage.base import Outcome
from threadless.usage.place import ledger_place

if TYPE_CHECKING:
    from threadless.calls.call import Call

logger = logging.getLogger("threadless")

T = TypeVar("T")

_WARNING_SECONDS: Final = 60

_next_warning = 0.0


class _RateGate(Gate):
    """A limit per minute of the key, and one of the account. The headers show the one that has less left."""

    unit: ClassVar[Unit]

    def __init__(self) -> None:
        self._limits: Sequence[Limit] = ()
        self._levels: Sequence[Level] = ()
        """Empty if there are no limits, or if the cache cannot be reached."""

    def headers(self) -> Mapping[str, str]:
        return tightest(self._levels).headers() if self._levels else {}


class RequestRateGate(_RateGate):
    """Requests per minute. A refused request does not count."""

    unit = "requests"

    def knock(self, caller: Caller) -> None:
        if not (limits := limits_of(caller, self.unit)):
            return
        now = time.time()
        self._levels = _counted(lambda: [Level(each, each.window.add_and_read(1, now)) for each in limits]) or ()
        if _is_any_exceeded(self._levels):
            _take_back([each.window for each in limits], now)
            self._levels = [Level(level.limit, level.sum.without(1)) for level in self._levels]
            raise refusal(self._levels)


class TokenRateGate(_RateGate):
    """Tokens per minute. They are counted after each call, so running calls may exceed the limit."""

    unit = "tokens"

    def knock(self, caller: Caller) -> None:
        if not (limits := limits_of(caller, self.unit)):
            return
        now, self._limits = time.time(), limits
        self._levels = _counted(lambda: [Level(each, each.window.read(now)) for each in limits]) or ()
        if _is_any_exceeded(self._levels, by_next=1):
            raise refusal(self._levels)

    def leave(self, call: Call, outcome: Outcome | None) -> None:
        usage = outcome.usage if outcome is not None else None
        if usage is not None and self._limits:
            tokens, now = usage.prompt_tokens + usage.completion_tokens, time.time()
            for limit in self._limits:
                _counted(partial(limit.window.add, tokens, now), must_count=False)


class SharedConcurrencyGate(Gate):
    """The concurrent-call limits of a key or an account, counted across all processes."""

    def __init__(self) -> None:
        self._windows: list[Window] = []
        """Where this call counts."""
        self._since = 0.0

    def admit(self, call: Call) -> None:
        if not (limits := limits_of(call.caller, "calls")):
            return
        self._since = time.time()
        try:
            levels = _counted(lambda: [Level(each, self._enter(each.window)) for each in limits]) or ()
            if _is_any_exceeded(levels):
                raise refusal([Level(level.limit, level.sum.without(1)) for level in levels])
        except APIError:
            self.leave(call, None)
            raise

    def leave(self, call: Call, outcome: Outcome | None) -> None:
        windows, self._windows = self._windows, []
        _take_back(windows, self._since)

    def _enter(self, window: Window) -> Sum:
        window.add(1, self._since)
        self._windows.append(window)
        return window.read(self._since)


class ConcurrencyGate(Gate):
    """`CONCURRENT_CALLS_PER_KEY`: one key cannot occupy every thread of a server process.

    For keys without their own limit.
    """

    _open: ClassVar[dict[tuple[str, ...], int]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self._owner: tuple[str, ...] = ()

    def admit(self, call: Call) -> None:
        limit, whose = conf.concurrent_calls_per_key, owner_of(call.caller)
        self._owner = owner = (*whose, ledger_place())
        if call.caller.limits.concurrent_calls is not None:
            limit = None
        with self._lock:
            running = self._open.get(owner, 0)
            if limit is not None and running >= limit:
                raise RateLimited(
                    f"Too many concurrent calls: this {whose[0]} is limited to {limit}.", headers=retry_headers(1)
                )
            self._open[owner] = running + 1

    def leave(self, call: Call, outcome: Outcome | None) -> None:
        owner = self._owner
        with self._lock:
            self._open[owner] -= 1
            if self._open[owner] <= 0:
                del self._open[owner]

    @classmethod
    def reset(cls) -> None:
        """Forget all calls. After a fork they belong to the parent."""
        cls._open.clear()
        cls._lock = threading.Lock()


reset_after_fork(ConcurrencyGate.reset)


def levels_of(caller: Caller, unit: Unit) -> list[Level]:
    """The caller's limits and what is used of them now. Empty if there are none, or if the cache cannot be reached."""
    limits, now = limits_of(caller, unit), time.time()
    return _counted(lambda: [Level(each, each.window.read(now)) for each in limits], must_count=False) or []


def _is_any_exceeded(levels: Sequence[Level], by_next: int = 0) -> bool:
    """True if more is used than a limit allows, or would be with so much more."""
    return any(level.sum.total + by_next > level.limit.number for level in levels)


def _take_back(windows: Sequence[Window], then: float) -> None:
    """Undo a count of 1 in each of these windows."""
    for window in windows:
        _counted(partial(window.take_back, 1, then), must_count=False)


def _counted(count: Callable[[], T], *, must_count: bool = True) -> T | None:
    """The result of `count`. If the cache cannot be reached: None, or `Overloaded` if `CACHE_FAILURE` says "refuse"."""
    try:
        return count()
    except Exception as failure:  # noqa: BLE001  (each cache client has its own exceptions)
        reason = f"The cache {conf.throttle_cache!r} for rate limits failed: {type(failure).__name__}."
    if must_count and conf.cache_failure == "refuse":
        error = Overloaded()
        error.log_detail = reason
        raise error
    _warn(reason)
    return None


def _warn(reason: str) -> None:
    """Log once a minute and process: every call meets the same failure."""
    global _next_warning
    if (now := time.monotonic()) >= _next_warning:
        _next_warning = now + _WARNING_SECONDS
        logger.warning("%s Calls are not counted.", reason)
