"""Reads a request body within its limit, once, without Django holding more of it than that.

DRF's parsers are the wrong place: they take a chunked body, which has no length under WSGI, for an empty one.
"""

from __future__ import annotations

import contextlib
import time
from functools import partial
from typing import Any, Final

from django.http import HttpRequest
from django.http.request import RawPostDataException
from django.http.response import HttpResponseBase

from threadless.api.underlying import has_been_read, when_closed
from threadless.conf import conf
from threadless.exceptions import InvalidRequest, RequestTooLarge, UnsupportedMediaType
from threadless.server.client import Client

_PIECE_BYTES: Final = 65536
_DRAIN_SECONDS: Final = 30.0
_SILENCE_SECONDS: Final = 1.0
"""A client that has sent nothing for so long is waiting for the answer, or has it."""
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})


def read_json_body(request: HttpRequest) -> bytes:
    """The body bytes of a JSON request.

    Raises `UnsupportedMediaType` unless it says that it is plain JSON, `RequestTooLarge` beyond the limit, and
    `InvalidRequest` if the client broke off.
    """
    _check_media_type(request)
    limit = conf.max_body_bytes
    length = _content_length(request)
    stream = _stream(request, length)
    body = b"" if length is not None and length > limit else _read(stream, limit + 1 if length is None else length)
    if (length or len(body)) > limit:
        raise RequestTooLarge(f"The request body is larger than {limit} bytes.")
    if length is not None and len(body) < length:
        raise InvalidRequest("The request body is shorter than its Content-Length.", code="invalid_json")
    return body


def _check_media_type(request: HttpRequest) -> None:
    charset = (request.content_params or {}).get("charset", "utf-8").strip("\"'").lower()
    if request.content_type != "application/json" or charset not in _CHARSETS:
        raise UnsupportedMediaType("Send the request body as 'Content-Type: application/json', encoded as UTF-8.")
    if request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("A compressed request body is not supported; send it without 'Content-Encoding'.")


def _content_length(request: HttpRequest) -> int | None:
    """Bytes announced; None for a chunked body."""
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        return None
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    if not (text.isascii() and text.isdigit()):
        raise InvalidRequest("The header 'Content-Length' is not a number.", code="invalid_value")
    return int(text[:20])


def _stream(request: HttpRequest, length: int | None) -> Any:
    if has_been_read(request):
        raise RawPostDataException
    if length is None and request.META.get("wsgi.input_terminated"):
        return request.META["wsgi.input"]
    return request


def _read(stream: Any, size: int) -> bytes:
    """Up to `size` bytes; less only at the end of the body."""
    pieces, got = [], 0
    try:
        while got < size and (piece := stream.read(size - got)):
            pieces.append(piece)
            got += len(piece)
    except Exception:  # noqa: BLE001  (each server has exceptions of its own for a broken chunk)
        raise InvalidRequest("The request body could not be read.", code="invalid_json") from None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def drain_request(request: HttpRequest, response: HttpResponseBase) -> None:
    """Once the answer is out, take what the client still sends: closing on it would reset the connection.

    Most clients read nothing before they have written all, and would lose the answer. Done under gunicorn, whose
    socket tells when nothing more comes; other servers have read the body beforehand, or see to it themselves.
    """
    sock = Client(request).socket
    if sock is not None:
        when_closed(response, partial(_drain, request, sock))


def _drain(request: HttpRequest, sock: Any) -> None:
    room, end, timeout = 2 * conf.max_body_bytes, time.monotonic() + _DRAIN_SECONDS, sock.gettimeout()
    with contextlib.suppress(Exception):  # the client gets no other answer, whatever it does
        stream = _stream(request, _content_length(request))
        sock.settimeout(_SILENCE_SECONDS)
        while room > 0 and time.monotonic() < end and (piece := stream.read(_PIECE_BYTES)):
            room -= len(piece)
    with contextlib.suppress(OSError):
        sock.settimeout(timeout)
