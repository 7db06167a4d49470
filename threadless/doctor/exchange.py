"""One call through the public address, with the time at which each event arrived."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from typing import Any, Final, Self
from urllib.parse import urlsplit

_SECONDS: Final = 330.0
"""Longer than the time to a first byte that we allow an upstream by default."""


class Exchange:
    """A call to `base_url`, the address up to and including our prefix. Raises `OSError` if nobody answers."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.request_id = f"doctor-{uuid.uuid4().hex}"
        self.status = 0
        self.headers: dict[str, str] = {}
        self.times: list[float] = []
        """Seconds from the request to each event of a stream."""
        self._key = key
        self._started = 0.0
        self._response: Any = None
        self._connection = self._connect()

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.base_url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def send(self, method: str, path: str, body: Any = None) -> None:
        """Send the request and read the head of its answer."""
        headers = {"Authorization": f"Bearer {self._key}", "X-Request-Id": self.request_id}
        headers |= {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        self._started = time.monotonic()
        target = urlsplit(self.base_url).path + path
        self._connection.request(method, target, None if body is None else json.dumps(body), headers)
        self._response = self._connection.getresponse()
        self.status = self._response.status
        self.headers = {name.lower(): value for name, value in self._response.getheaders()}

    def json(self) -> Any:
        """The body; None if it is not JSON."""
        try:
            return json.loads(self._response.read())
        except ValueError:
            return None

    def read_events(self, limit: int = 0) -> None:
        """Note when each event arrives, up to `limit` of them; 0: until the end."""
        while line := self._response.readline():
            if line.startswith(b"data: "):
                self.times.append(time.monotonic() - self._started)
                if len(self.times) == limit:
                    return
