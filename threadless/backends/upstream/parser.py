"""Parses one HTTP/1.1 response with httptools (llhttp). Does no I/O.

llhttp enforces the framing rules of RFC 9112. It does not handle the following: a body that ends with the connection,
unknown transfer codings, the number of interim responses, size limits, and bytes after the end.
"""

from __future__ import annotations

from typing import Any, Final

import httptools

_NO_BODY: Final = frozenset({204, 304})
_SWITCHING_PROTOCOLS: Final = 101


class ProtocolError(Exception):
    """The bytes are not an HTTP/1.1 response, exceed a limit, or ended early."""


class ResponseParser:
    """Takes bytes as they arrive and returns the content. One instance parses one response.

    `status` is 0 until the head is complete. Header names are in lower case; values of one name are joined by commas.
    Call `close` at the end: the instance and its llhttp parser refer to each other.
    """

    def __init__(self, *, max_head_bytes: int, max_interim: int) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.is_complete = False
        self.is_persistent = False
        """True if the peer keeps the connection open after the body."""
        self.ends_with_connection = False
        """True if the body ends with the connection."""
        self.has_surplus = False
        """True if there were bytes after the end of the response."""
        self._max_head_bytes = max_head_bytes
        self._interim_left = max_interim
        self._bytes_without_content = 0
        self._content: list[bytes] = []
        self._parser: Any = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> bytes:
        """Return the content in these bytes. Raises `ProtocolError`."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.is_complete:
                raise ProtocolError(str(error.__context__ or error)) from None
            self.has_surplus = True
        if self._content:
            content = self._content[0] if len(self._content) == 1 else b"".join(self._content)
            self._content = []
            self._bytes_without_content = 0
            return content
        # The head, trailers and extensions of chunks.
        self._bytes_without_content += len(data)
        if self._bytes_without_content > self._max_head_bytes:
            raise ProtocolError("The head or the trailers are too long.")
        return b""

    def end(self) -> None:
        """The connection has ended. Raises `ProtocolError` if the response is incomplete."""
        if self.ends_with_connection:
            self.is_complete = True
        elif not self.is_complete:
            raise ProtocolError("The connection ended within the response.")

    def close(self) -> None:
        """Free the llhttp parser."""
        self._parser = None

    # Called by httptools

    def on_message_begin(self) -> None:
        """The first byte of a response, or of what follows it."""
        if self.is_complete:
            self.has_surplus = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field or trailer field. Trailers are ignored."""
        if self.status:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        """The head of an interim or final response is complete."""
        status = self._parser.get_status_code()
        if self.is_complete:
            return
        if not 100 <= status < 600 or status == _SWITCHING_PROTOCOLS:
            raise ProtocolError("The status is invalid.")
        if status < 200:
            self._skip_interim()
            return
        self._read_framing(status)
        self.status = status

    def on_body(self, data: bytes) -> None:
        """A piece of content."""
        if not self.is_complete:
            self._content.append(data)

    def on_message_complete(self) -> None:
        """The end of an interim or final response."""
        self.is_complete = self.status != 0

    def _skip_interim(self) -> None:
        self.headers = {}
        self._interim_left -= 1
        if self._interim_left < 0:
            raise ProtocolError("Too many interim responses.")

    def _read_framing(self, status: int) -> None:
        version, coding = self._parser.get_http_version(), self.headers.get("transfer-encoding")
        if version not in ("1.0", "1.1"):
            raise ProtocolError("The HTTP version is unknown.")
        if coding is not None and coding.lower() != "chunked" and status not in _NO_BODY:
            raise ProtocolError("The transfer coding is unknown.")
        has_length = coding is not None or "content-length" in self.headers
        self.ends_with_connection = not has_length and status not in _NO_BODY
        # An HTTP/1.0 peer may not know chunks, so a proxy in between may have read the body differently.
        is_reliable = coding is None or version == "1.1"
        # llhttp ignores a "close" after a "keep-alive" in HTTP/1.0.
        is_closing = "close" in self.headers.get("connection", "").lower()
        self.is_persistent = is_reliable and not is_closing and bool(self._parser.should_keep_alive())
