"""Bytes count for as long as something refers to them, up to a limit per process."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from threadless.exceptions import Overloaded
from threadless.server.memory import COUNTED_FROM, Reservation, in_flight

SIZE = 2 * COUNTED_FROM


@pytest.fixture(autouse=True)
def _limit(settings: Any) -> Iterator[None]:
    settings.THREADLESS = {**settings.THREADLESS, "MAX_BYTES_IN_FLIGHT": 3 * SIZE}
    gc.collect()
    before = in_flight.bytes
    yield
    gc.collect()
    assert in_flight.bytes == before


def held(data: bytes) -> bytes:
    with Reservation() as reservation:
        reservation.add(len(data))
        return reservation.hold(data)


def test_held_bytes_count_until_they_are_freed() -> None:
    before = in_flight.bytes
    data = held(bytes(SIZE))
    assert in_flight.bytes == before + SIZE
    del data
    assert in_flight.bytes == before


def test_part_that_a_decoder_keeps_counts_as_the_whole() -> None:
    before = in_flight.bytes
    body = held(b'{"text": "%b"}' % (b"x" * SIZE))
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    size = len(body)
    del body
    assert in_flight.bytes == before + size
    fields.clear()
    assert in_flight.bytes == before


def test_reservation_that_is_not_used_is_given_back() -> None:
    before = in_flight.bytes
    with Reservation() as reservation:
        reservation.add(SIZE)
        assert in_flight.bytes == before + SIZE
    assert in_flight.bytes == before


def test_more_than_the_limit_is_refused() -> None:
    kept = [held(bytes(SIZE)) for _ in range(3 - in_flight.bytes // SIZE)]
    with pytest.raises(Overloaded):
        held(bytes(SIZE))
    kept.pop()
    held(bytes(SIZE))


def test_small_bodies_are_not_counted() -> None:
    before = in_flight.bytes
    data = held(b"{}")
    assert in_flight.bytes == before
    del data


def test_body_that_is_freed_while_bytes_are_reserved_does_not_block() -> None:
    class Size(int):
        """Frees a body in the middle of `take`, as the garbage collector may."""

        def __radd__(self, other: int) -> int:
            bodies.clear()
            return int(self) + other

    bodies = [held(bytes(SIZE))]
    thread = threading.Thread(target=lambda: in_flight.take(Size(1)), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    in_flight.give_back(1)
