"""The canned upstream, with a memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from project.canned_upstream import CannedUpstream, Handler


class RecordingUpstream(CannedUpstream):
    """Keeps the body of each request it answered."""

    def __init__(self, api_key: str) -> None:
        super().__init__(0, api_key, RecordingHandler)
        self.received: list[dict[str, Any]] = []


class RecordingHandler(Handler):
    server: RecordingUpstream

    def answer(self, request: dict[str, Any]) -> None:
        self.server.received.append(request)
        super().answer(request)


@contextmanager
def serve(api_key: str) -> Iterator[RecordingUpstream]:
    """Serve on loopback for as long as the block lasts."""
    with RecordingUpstream(api_key) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
