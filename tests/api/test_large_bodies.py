"""Other calls run while a large body is read."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import RequestFactory

from tests.support.clock import replace_sleep
from threadless.api.body import read_json_body
from threadless.server.client import Client
from threadless.turns import PIECE_BYTES

BODY = b"x" * (4 * PIECE_BYTES)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses so far. gevent replaces `time.sleep` too, and switches to other greenlets."""
    pauses: list[float] = []
    replace_sleep(monkeypatch, pauses.append)
    return pauses


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The memory that is in use at each pause, in which other calls do the same."""
    sizes: list[int] = []
    replace_sleep(monkeypatch, lambda _: sizes.append(tracemalloc.get_traced_memory()[0]))
    tracemalloc.start()
    yield sizes
    tracemalloc.stop()


class Stream(io.BytesIO):
    """Counts the largest read."""

    largest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.largest = max(self.largest, len(data))
        return data


def read(content: bytes, **environ: Any) -> Stream:
    """The stream from which the body was read."""
    stream = Stream(content)
    environ |= {"wsgi.input": stream, "wsgi.input_terminated": True, "CONTENT_TYPE": "application/json"}
    request = RequestFactory().generic("POST", "/", **environ)
    assert read_json_body(request, Client(request)) == content
    return stream


both_lengths = pytest.mark.parametrize(
    "environ", [{"CONTENT_LENGTH": str(len(BODY))}, {"HTTP_TRANSFER_ENCODING": "chunked"}], ids=["known", "chunked"]
)


@both_lengths
def test_large_body_is_read_in_pieces(pauses: list[float], environ: dict[str, str]) -> None:
    assert read(BODY, **environ).largest <= PIECE_BYTES
    assert len(pauses) >= 2 * 4


def test_small_body_is_read_without_a_pause(pauses: list[float]) -> None:
    read(b"x" * 1000, CONTENT_LENGTH="1000")
    assert not pauses


@both_lengths
def test_other_calls_run_only_while_there_is_one_copy(sizes: list[int], environ: dict[str, str]) -> None:
    read(BODY, **environ)
    assert max(sizes) < 1.5 * len(BODY)
