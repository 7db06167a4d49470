"""`Dialect`: one API that clients can speak. The `DIALECTS` setting lists them; each gets a route below our prefix."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, Final

import msgspec

from threadless.completions.account import Account
from threadless.encoding import encode
from threadless.exceptions import APIError
from threadless.openapi.parts import Operation
from threadless.types import Caller, ChatRequest, JSONObject, Target


class Asked(msgspec.Struct, kw_only=True):
    """A valid request of any dialect. A dialect may add its typed fields in a subclass."""

    model: str
    """Public name of a model or agent."""
    request: ChatRequest
    """The request for the backend. Empty once the backend has been called."""
    is_stream: bool = False
    max_output_tokens: int | None = None
    """The limit that the client set; None if it set none."""

    def take_request(self) -> ChatRequest:
        """The request, which is empty from then on: its memory is free as soon as the backend has sent it."""
        request = self.request
        self.request = ChatRequest(fields={}, request_id=request.request_id)
        return request


class Encoder(ABC):
    """Turns the items of one stream into the bytes for the client. Used only by the thread that owns the call."""

    done: bytes = b""
    """Sent last, after the call is settled as completed."""

    @abstractmethod
    def encode(self, item: Any) -> bytes:
        """The bytes for one item of the backend; b"" if the client receives nothing for it."""

    def end(self) -> bytes:
        """The bytes after the backend's last item. Raises an `APIError` if the items are not a complete answer."""
        return b""

    @abstractmethod
    def failure(self, error: APIError) -> bytes:
        """The event for a stream that ends early."""


class Dialect(ABC):
    """One API. An instance serves all calls of a process at once and keeps no state."""

    operation: ClassVar[str]
    """Value of the ledger's column `operation`, at most 16 characters."""
    name: ClassVar[str]
    """Name of the route: `reverse("threadless:<name>")`."""
    path: ClassVar[str]
    """Regular expression of the route below our prefix, without a slash at either end."""
    media_type: ClassVar[str] = "text/event-stream; charset=utf-8"
    """Content type of a stream."""
    ping: ClassVar[bytes] = b": ping\n"
    """Sent while a stream is silent, so that proxies keep the connection. No event: an empty line would end one."""
    page: ClassVar[str] = ""
    """Template of the page that a signed-in browser gets for a GET; empty: a GET is a 405."""

    @abstractmethod
    def parse(self, body: bytes, request_id: str) -> Asked:
        """The request in this body; raises `InvalidRequest`."""

    def check(self, asked: Any, target: Target, backend: Any) -> Any:
        """What the call keeps of the request; raises `InvalidRequest` if it does not suit the target or its backend."""
        return asked

    @abstractmethod
    def call(self, backend: Any, asked: Any, target: Target, caller: Caller) -> Any:
        """The backend's whole answer. Blocks."""

    @abstractmethod
    def stream(self, backend: Any, asked: Any, target: Target, caller: Caller) -> Iterable[Any]:
        """The backend's answer, item by item."""

    def account(self, asked: Any, target: Target) -> Account:
        """A new account of the call. `answer` or the encoder fills it."""
        return Account(asked.request, target)

    @abstractmethod
    def answer(self, result: Any, account: Account, asked: Any, target: Target) -> bytes:
        """The body of a plain answer, as JSON; raises an `APIError` if the backend's result is not a valid answer."""

    @abstractmethod
    def encoder(self, account: Account, asked: Any, target: Target) -> Encoder:
        """A new encoder for one stream."""

    def describe(self) -> Operation | None:
        """The endpoint in our OpenAPI document; None leaves it out."""
        return None

    def error_body(self, error: APIError) -> JSONObject:
        """The JSON body of an error."""
        return error_body(error)


def error_body(error: APIError) -> JSONObject:
    """The error body of the OpenAI API, always with all four keys; an upstream's details follow them."""
    keys = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return {"error": {**keys, **error.details, **keys} if error.details else keys}


def event(data: Any) -> bytes:
    """One server-sent event with this JSON value as its data.

    Without U+2028, U+2029 and U+0085: clients that use `str.splitlines` would end the line there.
    """
    encoded = encode(data)
    if not encoded.isascii():
        for character, escape in _LINE_ENDS:
            encoded = encoded.replace(character, escape)
    return b"data: %b\n\n" % encoded


_LINE_ENDS: Final = tuple((chr(code).encode(), rb"\u%04x" % code) for code in (0x2028, 0x2029, 0x85))
"""The line ends of Unicode in UTF-8, which JSON can only contain in strings, and their escapes."""
