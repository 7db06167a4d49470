"""`Installation`: a host's own endpoint, as the tests of conformance see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

SECONDS: Final = 120.0
"""How long a real model may take."""


class Answer:
    """One whole response."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.content = response.read()

    @property
    def body(self) -> Any:
        """The content as JSON."""
        return json.loads(self.content)

    @property
    def error(self) -> Any:
        """The error in the body."""
        return self.body["error"]

    @property
    def events(self) -> list[Any]:
        """The events of a stream: dicts, and at the end the text `[DONE]`."""
        lines = self.content.decode().split("\n\n")
        texts = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [text if text == "[DONE]" else json.loads(text) for text in texts]


class Installation:
    """The endpoints below `url`, with a key and the name of a model that the key may use.

    `hidden_model` exists but not for this key; `scopeless_key` is a key without the required scope. Empty: unknown.
    """

    def __init__(self, url: str, key: str, model: str, hidden_model: str = "", scopeless_key: str = "") -> None:
        self.url, self.key, self.model = url.rstrip("/"), key, model
        self.hidden_model, self.scopeless_key = hidden_model, scopeless_key

    def ask(self, *, key: str | None = None, **fields: Any) -> Answer:
        """Send a completion; a field that is None is left out."""
        return self.send("POST", "chat/completions", self.body(**fields), key=key)

    def body(self, **fields: Any) -> bytes:
        """The body of a completion."""
        asked = {"model": self.model, "messages": [{"role": "user", "content": "Say hello."}], **fields}
        return json.dumps({name: value for name, value in asked.items() if value is not None}).encode()

    def get(self, path: str, *, key: str | None = None) -> Answer:
        """Read one of the other endpoints."""
        return self.send("GET", path, key=key)

    def send(self, method: str, path: str, body: bytes | None = None, *, key: str | None = None, **more: str) -> Answer:
        """Send any request. An empty key sends no credentials. `more` are headers, with `_` for `-`."""
        with self.open(method, path, body, key=key, **more) as response:
            return Answer(response)

    @contextmanager
    def open(
        self, method: str, path: str, body: bytes | None = None, *, key: str | None = None, **more: str
    ) -> Iterator[HTTPResponse]:
        """The response, not yet read. At the end the connection is closed, as by a client that leaves."""
        address = urlsplit(f"{self.url}/{path}")
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        connection = kind(address.netloc, timeout=SECONDS)
        secret = self.key if key is None else key
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(
                method, address.path, body, headers | {name.replace("_", "-"): value for name, value in more.items()}
            )
            with connection.getresponse() as response:  # closed too: otherwise it keeps the socket open
                yield response
        finally:
            connection.close()
