"""The decoder gives the same events however the bytes of a stream are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threadless.backends.upstream.sse import Event, SSEDecoder

MAX_EVENT_BYTES = 1_000_000
LINE_ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
VALUES = st.text(alphabet=st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=20).map(str.encode)
LINES = st.one_of(
    st.just(b""),
    st.builds(lambda space, value: b"data:" + space + value, st.sampled_from([b"", b" "]), VALUES),
    st.builds(lambda value: b"event: " + value, VALUES),
    st.builds(lambda value: b":" + value, VALUES),
    st.sampled_from([b"data", b"id: 1", b"retry: 10", b"event", b"nonsense", b"data: [DONE]"]),
    VALUES,
)
STREAMS = st.builds(
    lambda bom, lines: bom + b"".join(line + end for line, end in lines),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.lists(st.tuples(LINES, LINE_ENDS), max_size=30),
)


def decode(segments: list[bytes]) -> list[Event]:
    decoder = SSEDecoder(MAX_EVENT_BYTES)
    events = [event for segment in segments for event in decoder.feed(segment)]
    return events + decoder.flush()


@given(st.one_of(STREAMS, st.binary(max_size=200)), st.lists(st.integers(0, 400), max_size=12))
def test_any_split_gives_the_same_events(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    segments = [data[start:end] for start, end in pairwise(places)]
    assert decode(segments) == decode([data]) == decode([data[i : i + 1] for i in range(len(data))])


@given(st.lists(st.tuples(VALUES.filter(bool), VALUES), max_size=10), LINE_ENDS)
def test_events_come_back_as_they_were_written(events: list[tuple[bytes, bytes]], end: bytes) -> None:
    data = b"".join(b"event: " + name + end + b"data: " + value + end + end for value, name in events)
    assert decode([data]) == [Event(name, value) for value, name in events]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data: a", [b"a"]),
        (b"data: a\r", [b"a"]),
        (b"data\n\n", []),
        (b"data:\n\n", []),
        (b": only a comment\n\n", []),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        ("data: a\u0085\u2028b\n\n".encode(), ["a\u0085\u2028b".encode()]),
    ],
)
def test_form_of_the_standard_is_understood(data: bytes, expected: list[bytes]) -> None:
    assert [event.data for event in decode([data])] == expected
