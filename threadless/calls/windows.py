"""Sliding windows: what one key or account did within a time, counted in the cache that all processes share.

Time is divided into pieces, each with a counter in the cache. A window is the sum of its last pieces. What happened in
a piece counts until the whole piece has left the window, so no period as long as the window ever contains more than the
limit. In exchange, something may count for one piece longer.

A counter is increased before the others are read. Of two processes that count at the same time, at least one sees both,
so they cannot both take the last place. This needs only that `incr` and `add` are atomic, as they are in Django's
caches in Redis, in Memcached and in local memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Final

import msgspec
from django.core.cache import caches
from django.core.signals import setting_changed

from threadless.conf import conf

_CLOSED_SECONDS: Final = 2.0
"""A piece that ended this long ago no longer changes: the slowest process has counted by then."""
_KEPT_SUMS: Final = 10_000
_LONGEST_NAME: Final = 64

Counts = list[tuple[float, int]]
"""When each counter leaves the window, in Unix time, and its value; the earliest first."""

_closed: dict[tuple[str, int, int], Counts] = {}
"""The closed pieces of each window: by its name, its present piece and the first piece that is not closed."""


class Sum(msgspec.Struct, frozen=True):
    """What a window contains at one time."""

    now: float
    counts: Sequence[tuple[float, int]]
    total: int
    """The sum of all counters."""

    def without(self, amount: int) -> Sum:
        """The sum without this amount, which was counted last."""
        *counts, (leaves, count) = self.counts
        return Sum(self.now, [*counts, (leaves, count - amount)], self.total - amount)

    def seconds_until(self, most: int) -> float:
        """How long it takes until the sum is at most this number, if nothing is added; 0 if it is so now."""
        total, moment = self.total, self.now
        for leaves, count in self.counts:
            if total <= most:
                break
            total, moment = total - count, leaves
        return moment - self.now


class Window(msgspec.Struct, frozen=True):
    """A sliding window."""

    name: str
    """Its name in the cache."""
    piece_seconds: float
    pieces: int
    """How many pieces are as long as the window. Beside the present piece, so many before it count."""

    def add(self, amount: int, now: float) -> None:
        """Count this amount at this Unix time."""
        self._add(amount, int(now // self.piece_seconds))

    def take_back(self, amount: int, then: float) -> None:
        """Undo `add(amount, then)`."""
        with suppress(ValueError):  # evicted
            caches[conf.throttle_cache].decr(self._key(int(then // self.piece_seconds)), amount)

    def add_and_read(self, amount: int, now: float) -> Sum:
        """Count this amount, and return what the window contains then."""
        last = int(now // self.piece_seconds)
        return self._sum(now, last, self._add(amount, last))

    def read(self, now: float) -> Sum:
        """What the window contains."""
        last = int(now // self.piece_seconds)
        return self._sum(now, last, int(caches[conf.throttle_cache].get(self._key(last), 0)))

    def _sum(self, now: float, last: int, count: int) -> Sum:
        counts = [*self._before(last, now), (self._leaves(last), count)]
        return Sum(now, counts, max(sum([count for _, count in counts]), 0))

    def _before(self, last: int, now: float) -> Counts:
        """The pieces before the present one."""
        return self._read(last - self.pieces, last)

    def _add(self, amount: int, piece: int) -> int:
        """The new value of the counter."""
        cache, key = caches[conf.throttle_cache], self._key(piece)
        try:
            return _counted(cache.incr(key, amount))
        except ValueError:  # the first of this piece
            if cache.add(key, amount, timeout=(self.pieces + 2) * self.piece_seconds):
                return amount
        return _counted(cache.incr(key, amount))

    def _read(self, first: int, end: int) -> Counts:
        keys = {self._key(piece): piece for piece in range(first, end)}
        found = caches[conf.throttle_cache].get_many(list(keys))
        return [(self._leaves(piece), int(found[key])) for key, piece in keys.items() if key in found]

    def _leaves(self, piece: int) -> float:
        return (piece + self.pieces + 1) * self.piece_seconds

    def _key(self, piece: int) -> str:
        return f"threadless:{self.name}:{piece}"


class RateWindow(Window, frozen=True):
    """A window whose pieces no longer change soon after they end, so that each process reads them only once."""

    def _before(self, last: int, now: float) -> Counts:
        if now - last * self.piece_seconds >= _CLOSED_SECONDS:
            return self._closed(last, last)
        return self._closed(last, last - 1) + self._read(last - 1, last)

    def _closed(self, last: int, end: int) -> Counts:
        """The pieces before `end`, which are closed, while `last` is the present one."""
        counts = _closed.get((self.name, last, end))
        if counts is None:
            if len(_closed) >= _KEPT_SUMS:
                _closed.clear()
            counts = _closed[self.name, last, end] = self._read(last - self.pieces, end)
        return counts


def _counted(value: Any) -> int:
    """The new value of a counter. pymemcache returns False instead of it if its server failed a moment ago."""
    if value is False:
        raise ConnectionError("The cache did not count.")
    return int(value)


def name_of(kind: str, identity: str) -> str:
    """A name for the cache. Identities come from hosts, and caches do not accept every text as a key."""
    is_plain = identity.isascii() and identity.isalnum() and len(identity) <= _LONGEST_NAME
    return f"{kind}-{identity if is_plain else blake2b(identity.encode(), digest_size=16).hexdigest()}"


def _forget(*, setting: str, **kwargs: Any) -> None:  # noqa: ARG001
    if setting in ("CACHES", "THREADLESS"):
        _closed.clear()


setting_changed.connect(_forget)
