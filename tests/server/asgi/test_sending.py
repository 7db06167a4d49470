"""Events on their way from a thread to the client: pings, back-pressure, and a client that does not read."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable

import pytest

from tests.support.asgi import Conversation
from tests.support.fixtures import Configure
from threadless.server.asgi.sending import ClientStalled, EventSender, EventSource, send_body

START = {"type": "http.response.start", "status": 200, "headers": []}


class Source(EventSource):
    """Events that a test adds."""

    ping = b": ping\n\n"

    def __init__(self) -> None:
        self._events: deque[bytes | None] = deque()
        self._announce: Callable[[], None] | None = None

    def listen(self, announce: Callable[[], None] | None) -> None:
        self._announce = announce

    def take_nowait(self) -> bytes | None:
        return self._events.popleft() if self._events else b""

    def put(self, *events: bytes | None) -> None:
        for event in events:
            self._events.append(event)
            if self._announce is not None:
                self._announce()


def new_talk() -> Conversation:
    """A response that has begun."""
    talk = Conversation()
    talk.sent.append(START)
    return talk


def test_events_of_another_thread_arrive_in_order() -> None:
    async def send() -> bytes:
        talk, source = new_talk(), Source()
        events = [b"%d," % number for number in range(100)]
        thread = threading.Thread(target=source.put, args=(*events, None))
        thread.start()
        await EventSender(source, talk.send).run()
        thread.join()
        assert talk.is_complete
        return talk.content

    assert asyncio.run(send()) == b"".join(b"%d," % number for number in range(100))


def test_silence_is_bridged_by_pings(configure: Configure) -> None:
    configure(PING_SECONDS=0.01)

    async def send() -> None:
        talk, source = new_talk(), Source()
        sending = asyncio.ensure_future(EventSender(source, talk.send).run())
        await talk.wait_for(b": ping\n\n: ping\n\n")
        source.put(b"late", None)
        await sending
        assert talk.content.endswith(b"late")

    asyncio.run(send())


def test_events_wait_for_a_client_that_is_slow(configure: Configure) -> None:
    async def send() -> None:
        talk, source = new_talk(), Source()
        talk.has_room.clear()
        source.put(b"first", b"second", None)
        sending = asyncio.ensure_future(EventSender(source, talk.send).run())
        await asyncio.sleep(0.01)
        assert (talk.content, len(source._events)) == (b"", 2)
        talk.has_room.set()
        await sending
        assert talk.content == b"firstsecond"

    asyncio.run(send())


def test_client_that_stops_reading_a_stream_is_given_up(configure: Configure) -> None:
    configure(STALL_SECONDS=0.02, PING_SECONDS=60)

    async def send() -> None:
        talk, source = new_talk(), Source()
        talk.has_room.clear()
        source.put(b"first")
        sending = asyncio.ensure_future(EventSender(source, talk.send).run())
        with pytest.raises(ClientStalled):
            await asyncio.wait_for(sending, 10)

    asyncio.run(send())


def test_client_that_stops_reading_a_large_body_is_given_up(configure: Configure) -> None:
    configure(STALL_SECONDS=0.02)

    async def send() -> None:
        talk = new_talk()
        talk.has_room.clear()
        with pytest.raises(ClientStalled):
            await asyncio.wait_for(send_body(talk.send, b"x" * 200_000), 10)

    asyncio.run(send())


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 200_000])
def test_body_is_sent_whole(size: int) -> None:
    talk = new_talk()
    asyncio.run(send_body(talk.send, b"x" * size))

    assert (len(talk.content), talk.is_complete) == (size, True)
