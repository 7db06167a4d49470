"""Decodes a server-sent event stream from bytes that are split at any position. Does no I/O.

Follows https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation, on bytes, so a
UTF-8 character may be split across segments, and U+0085 in JSON does not end a line.
"""

from __future__ import annotations

from typing import Final

import msgspec

_BOM: Final = b"\xef\xbb\xbf"
_DATA: Final = b"data: "
_NEXT_DATA: Final = b"\n\ndata: "
_LINE_OVERHEAD_BYTES: Final = 40
"""Memory overhead of a line, in bytes."""


class EventTooLargeError(Exception):
    """An event, or a line of it, exceeds the limit."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event: its `event:` name (empty if there is none) and its data, lines joined by LF."""

    name: bytes
    data: bytes


class SSEDecoder:
    """Takes bytes as they arrive and returns each event as soon as its blank line has arrived.

    `max_event_bytes` limits the memory for an incomplete event.
    """

    def __init__(self, max_event_bytes: int) -> None:
        self._max_event_bytes = max_event_bytes
        self._line_bytes = 0
        self._data_bytes = 0
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._name = b""
        self._after_cr = False
        self._at_start = True

    def feed(self, segment: bytes) -> list[Event]:
        """The events that this segment completes. Raises `EventTooLargeError`."""
        if self._is_between_events:
            return self._feed_events(segment)
        # Complete the event that an earlier segment began.
        head, blank_line, rest = segment.partition(b"\n\n")
        events = self._feed_lines(head + blank_line)
        return events + (self._feed_events(rest) if self._is_between_events else self._feed_lines(rest))

    @property
    def _is_between_events(self) -> bool:
        return not (self._line or self._data or self._name or self._after_cr or self._at_start)

    def _feed_events(self, segment: bytes) -> list[Event]:
        whole, _, rest = segment.rpartition(b"\n\n")
        if not (events := _plain_events(whole)):
            return self._feed_lines(segment)
        return events + self._feed_lines(rest) if rest else events

    def _feed_lines(self, segment: bytes) -> list[Event]:
        if self._after_cr and segment:
            self._after_cr = False
            segment = segment.removeprefix(b"\n")
        events: list[Event] = []
        for line in segment.splitlines(keepends=True):
            ended = line.endswith((b"\n", b"\r"))
            self._line.append(line)
            self._line_bytes += len(line)
            if self._line_bytes + self._data_bytes > self._max_event_bytes:
                raise EventTooLargeError
            if ended:
                self._take_line(events)
        self._after_cr = segment.endswith(b"\r") or (self._after_cr and not segment)
        return events

    def flush(self) -> list[Event]:
        """The last event if the stream ended without its blank line.

        The standard drops it. Some upstreams end this way, and the data is checked later in any case.
        """
        self._after_cr = False  # otherwise the first line end would be read as the second half of a CRLF
        return self._feed_lines(b"\n\n")

    def _take_line(self, events: list[Event]) -> None:
        line = self._line[0] if len(self._line) == 1 else b"".join(self._line)
        self._line = []
        self._line_bytes = 0
        line = line.rstrip(b"\r\n")
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if line:
            self._take_field(line)
            return
        self._data_bytes = 0
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        if data:  # some upstreams keep a connection alive with empty ones
            events.append(Event(self._name, data))
        self._data = []
        self._name = b""

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value[1:] if value.startswith(b" ") else value)
            self._data_bytes += len(line) + _LINE_OVERHEAD_BYTES
        elif name == b"event":
            self._name = value[1:] if value.startswith(b" ") else value
        elif name == b"error":  # older versions of llama.cpp send `error: {…}`
            self._name = b"error"
            self._data.append(value)
            self._data_bytes += len(line) + _LINE_OVERHEAD_BYTES


def _plain_events(text: bytes) -> list[Event]:
    """The events in a text that has only events with one `data` line each, as almost all streams do.

    Empty for any other text. Reading line by line takes five times as long.
    """
    if not text.startswith(_DATA) or b"\r" in text:
        return []
    datas = text[len(_DATA) :].split(_NEXT_DATA)
    for data in datas:
        if not data or b"\n" in data:
            return []
    return [Event(b"", data) for data in datas]
