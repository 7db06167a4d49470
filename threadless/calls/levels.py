"""The limits of one caller, and how much of them is used.

A caller has up to two limits of each unit: that of the key (or of a signed-in user), and that of the account, which all
its keys share.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from threadless.calls.windows import RateWindow, Sum, Window, name_of
from threadless.conf import conf
from threadless.exceptions import NO_RETRY, APIError, RateLimited, retry_headers
from threadless.types import Caller
from threadless.usage.place import ledger_place

Unit = Literal["requests", "tokens", "calls"]
"""Requests and tokens per minute; calls at the same time."""

_FIELDS: Final[Mapping[Unit, str]] = {
    "requests": "requests_per_minute",
    "tokens": "tokens_per_minute",
    "calls": "concurrent_calls",
}
"""The fields of `Limits`."""
_RATE_SECONDS: Final = 10.0
_RATE_PIECES: Final = 6
_CALL_PIECES: Final = 16
_CALL_RETRY_SECONDS: Final = 1
_SETTLING_SECONDS: Final = 60
"""A call that ends at `MAX_CALL_SECONDS` takes a moment to settle its row and to leave its gates."""


class Limit(msgspec.Struct, frozen=True):
    """One limit of one caller."""

    unit: Unit
    whose: str
    """"key", "user" or "account"."""
    number: int
    """What the limit allows; 0 allows nothing."""
    window: Window


class Level(msgspec.Struct, frozen=True):
    """A limit and what is used of it."""

    limit: Limit
    sum: Sum

    @property
    def left(self) -> int:
        """What the caller may still use."""
        return max(self.limit.number - self.sum.total, 0)

    @property
    def reset_seconds(self) -> float:
        """When the whole limit is available again, if nothing more is used."""
        return self.sum.seconds_until(0)

    def headers(self) -> dict[str, str]:
        """The `x-ratelimit-*` headers, with the reset in the OpenAI API's notation (`59s`)."""
        unit = self.limit.unit
        return {
            f"x-ratelimit-limit-{unit}": str(self.limit.number),
            f"x-ratelimit-remaining-{unit}": str(self.left),
            f"x-ratelimit-reset-{unit}": notation(self.reset_seconds),
        }

    @property
    def wait_seconds(self) -> float:
        """When the caller may use one more; infinite for a limit of 0."""
        limit = self.limit
        if limit.number == 0:
            return math.inf
        return _CALL_RETRY_SECONDS if limit.unit == "calls" else self.sum.seconds_until(limit.number - 1)


def refusal(levels: Iterable[Level]) -> APIError:
    """The error for a caller who has used up one of these limits: that with the longest wait."""
    level = max([level for level in levels if level.left == 0], key=lambda level: level.wait_seconds)
    limit, wait = level.limit, level.wait_seconds
    text = f"this {limit.whose} is limited to {limit.number}"
    if limit.unit == "calls":
        text, advice = f"Too many concurrent calls: {text}.", ""
    else:
        text = f"Rate limit reached: {text} {limit.unit} per minute."
        advice = f" Please try again in {notation(wait)}." if limit.number else ""
    return RateLimited(text + advice, headers=retry_headers(wait) if limit.number else NO_RETRY)


def limits_of(caller: Caller, unit: Unit) -> list[Limit]:
    """The limits that are counted in the cache, the key's first.

    Without `CONCURRENT_CALLS_PER_KEY`, which is counted in each process.
    """
    field, found = _FIELDS[unit], []
    own = getattr(caller.limits, field)
    if own is None and unit != "calls":
        own = getattr(conf, field)
    if own is not None:
        whose, identity = owner_of(caller)
        found.append(Limit(unit, whose, own, _window(unit, whose, identity)))
    if caller.account and (number := getattr(caller.account_limits, field)) is not None:
        found.append(Limit(unit, "account", number, _window(unit, "account", caller.account)))
    return found


def owner_of(caller: Caller) -> tuple[str, str]:
    """Whose limits are the caller's own: "key" or "user", and the primary key as text."""
    return ("key", caller.key_id) if caller.key_id else ("user", str(caller.user_id))


def tightest(levels: Sequence[Level]) -> Level:
    """The level that has least left; of several, the one that takes longest to reset."""
    if len(levels) == 1:
        return levels[0]
    return min(levels, key=lambda level: (level.left, -level.reset_seconds))


def notation(seconds: float) -> str:
    """`1s`, `6m0s`: durations as the OpenAI API writes them."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _window(unit: Unit, whose: str, identity: str) -> Window:
    where = ledger_place()
    name = f"{unit}:{name_of(whose, f'{where}/{identity}' if where else identity)}"
    if unit == "calls":  # a killed process cannot take its calls back, so they count until they would have ended
        return Window(name, (conf.max_call_seconds + _SETTLING_SECONDS) / _CALL_PIECES, _CALL_PIECES)
    return RateWindow(name, _RATE_SECONDS, _RATE_PIECES)
