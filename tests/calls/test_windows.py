"""Sliding windows, on each kind of cache."""

from __future__ import annotations

import uuid

import pytest
from django.core.cache import caches
from hypothesis import given
from hypothesis import strategies as st

from tests.support.limits import Limit
from threadless.calls.windows import RateWindow, Window, name_of

LIMIT = 5
ONE_MINUTE = 60.0
ONE_PIECE = 10.0


def new_window() -> RateWindow:
    """One minute in six pieces, with its own name."""
    return RateWindow(uuid.uuid4().hex, ONE_PIECE, 6)


def admitted(window: Window, times: list[float]) -> list[float]:
    """The times at which a request is admitted, as the gate does it."""
    found = []
    for now in times:
        if window.add_and_read(1, now).total <= LIMIT:
            found.append(now)
        else:
            window.take_back(1, now)
    return found


TIMES = st.lists(st.floats(0, 300, allow_nan=False), max_size=60).map(sorted)


@given(TIMES)
def test_no_minute_has_more_than_the_limit(times: list[float]) -> None:
    found = admitted(new_window(), times)
    assert all(later - first >= ONE_MINUTE for first, later in zip(found, found[LIMIT:], strict=False))


@given(TIMES)
def test_nothing_is_refused_if_the_last_minute_and_a_piece_had_room(times: list[float]) -> None:
    found = admitted(new_window(), times)
    for refused in set(times) - set(found):
        assert sum(refused - ONE_MINUTE - ONE_PIECE < each <= refused for each in found) >= LIMIT


@given(TIMES, st.integers(0, LIMIT))
def test_time_until_a_sum_is_exact(times: list[float], most: int) -> None:
    window = new_window()
    admitted(window, times)
    now = times[-1] if times else 0.0
    seconds = window.read(now).seconds_until(most)
    assert window.read(now + seconds).total <= most
    assert not seconds or window.read(now + seconds - 0.001).total > most


def test_cache_and_memory_agree_across_pieces(limit: Limit) -> None:
    limit()
    window = new_window()
    for now in (0.0, 9.9, 10.0, 13.0, 35.0, 59.0):
        window.add(2, now)
    assert [window.read(now).total for now in (59, 69.9, 70, 79.9, 80, 119.9, 120)] == [12, 12, 8, 8, 4, 2, 0]


def test_other_process_that_counts_late_is_seen(limit: Limit) -> None:
    limit()
    window = new_window()
    window.add(1, 9.5)
    assert window.read(10.5).total == 1
    window.add(1, 9.9)  # by a process that read its clock before this one did
    assert window.read(11.0).total == 2


def test_closed_pieces_are_read_once(limit: Limit) -> None:
    limit()
    window = new_window()
    window.add(3, 0.0)
    assert window.read(15.0).total == 3
    caches["default"].clear()
    assert window.read(16.0).total == 3


def test_plain_window_reads_every_piece(limit: Limit) -> None:
    limit()
    window = Window(uuid.uuid4().hex, ONE_PIECE, 6)
    window.add(1, 0.0)
    assert window.read(50.0).total == 1
    window.take_back(1, 0.0)
    assert window.read(50.0).total == 0


def test_evicted_counter_cannot_be_taken_back(limit: Limit) -> None:
    limit()
    window = new_window()
    window.add(1, 0.0)
    caches["default"].clear()
    window.take_back(1, 0.0)
    assert window.read(0.0).total == 0


def test_sum_is_never_below_zero(limit: Limit) -> None:
    limit()
    window = new_window()
    window.add(1, 0.0)
    window.take_back(2, 0.0)
    assert window.read(0.0).total == 0


@pytest.mark.parametrize(
    "identity", ["7", "a" * 64, "ce1bf3f8-2ad4-43ea-9ca3-7d0dd80dd3ed", "Ämter & Co.\n", "x" * 400]
)
def test_names_are_short_and_plain_and_differ(identity: str) -> None:
    name = name_of("account", identity)
    assert len(name) < 100
    assert name.isascii()
    assert " " not in name
    assert name != name_of("key", identity) != name_of("key", f"{identity}.")
