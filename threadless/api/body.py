"""Reads a request body once, and never holds more of it than the limit.

DRF's parsers cannot be used: under WSGI a chunked body has no length, and they treat it as empty.
"""

from __future__ import annotations

import codecs
import contextlib
import io
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NoReturn

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from threadless.api.underlying import has_been_read, when_closed
from threadless.conf import conf
from threadless.db.connections import release_connections
from threadless.exceptions import InvalidRequest, RequestTimeout, RequestTooLarge, UnsupportedMediaType
from threadless.server.client import Client
from threadless.server.memory import COUNTED_FROM, Reservation
from threadless.turns import PIECE_BYTES, let_others_run

_READ_BYTES: Final = 65536
"""What is read at once if the length of the body is unknown, or after a refusal."""
_DRAIN_SECONDS: Final = 30.0
_PIECE_SECONDS: Final = 1.0
"""Maximum time for a piece while a refused request is drained. A slower client may lose the response."""
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})


def read_json_body(request: HttpRequest, client: Client) -> bytes:
    """The body bytes of a JSON request. While it waits for them, no database connection is held.

    Raises `UnsupportedMediaType` unless its headers declare uncompressed JSON, `RequestTooLarge` beyond the limit,
    `Overloaded` if the process holds too many bytes, `RequestTimeout` after `BODY_SECONDS`, and `InvalidRequest` if the
    client closed the connection.
    """
    _check_media_type(request)
    length = _content_length(request)
    if length is not None and length > conf.max_body_bytes:
        _refuse_size()
    stream = _stream(request, length)
    if length is not None and (has_been_read(request) or client.has_sent(length)):
        if length < COUNTED_FROM:
            return _read_known(stream, length)
        with Reservation() as reservation:
            reservation.add(length)
            return reservation.hold(_read_known(stream, length))
    release_connections(keep_files=True)
    with Reservation() as reservation, client.upload_deadline(conf.body_seconds) as is_late:
        return reservation.hold(_receive(stream, length, reservation, is_late))


def _receive(stream: Any, length: int | None, reservation: Reservation, is_late: Callable[[], bool]) -> bytes:
    try:
        if length is None:
            return _read_chunked(stream, reservation)
        reservation.add(length)
        return _read_known(stream, length)
    except InvalidRequest:
        if is_late():
            raise RequestTimeout(f"The request body did not arrive within {conf.body_seconds:g} seconds.") from None
        raise


def _check_media_type(request: HttpRequest) -> None:
    charset = (request.content_params or {}).get("charset", "utf-8").strip("\"'").lower()
    if request.content_type != "application/json" or charset not in _CHARSETS:
        raise UnsupportedMediaType("Send the request body as 'Content-Type: application/json', encoded as UTF-8.")
    if request.META.get("HTTP_CONTENT_ENCODING", "").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType("A compressed request body is not supported; send it without 'Content-Encoding'.")


def _content_length(request: HttpRequest) -> int | None:
    """The `Content-Length`; None for a chunked body."""
    if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
        return None
    text = str(request.META.get("CONTENT_LENGTH") or "0")
    if not (text.isascii() and text.isdigit()):
        raise InvalidRequest("The header 'Content-Length' is not a number.", code="invalid_value")
    return int(text[:20])


def _stream(request: HttpRequest, length: int | None) -> Any:
    """What to read the body from. If a middleware has already read it, Django has kept it."""
    if has_been_read(request) and request.body:  # a chunked body looks empty to Django under WSGI
        return io.BytesIO(request.body)
    if length is None and request.META.get("wsgi.input_terminated"):
        return request.META["wsgi.input"]
    return request


def _read_known(stream: Any, length: int) -> bytes:
    pieces, left = [], length
    while left and (piece := _read(stream, min(left, PIECE_BYTES))):
        pieces.append(piece)
        left -= len(piece)
        let_others_run(length)
    if left:
        raise InvalidRequest("The request body is shorter than its Content-Length.", code="invalid_json")
    return _joined(pieces)


def _read_chunked(stream: Any, reservation: Reservation) -> bytes:
    pieces, size = [], 0
    while piece := _read(stream, _READ_BYTES):
        reservation.add(len(piece))
        pieces.append(piece)
        size += len(piece)
        if size > conf.max_body_bytes:
            _refuse_size()
        let_others_run(size)
    return _joined(pieces)


def _joined(pieces: list[bytes]) -> bytes:
    """The body without a byte order mark, which RFC 8259 (section 8.1) allows readers to ignore."""
    body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    pieces.clear()  # before the pause, in which other calls need memory for theirs
    let_others_run(len(body))
    return body.removeprefix(codecs.BOM_UTF8)


def _read(stream: Any, size: int) -> bytes:
    """Up to `size` bytes; none at the end of the body."""
    try:
        data: bytes = stream.read(size)
    except Exception:  # noqa: BLE001  (each server has its own exceptions for an invalid chunk)
        raise InvalidRequest("The request body could not be read.", code="invalid_json") from None
    return data


def _refuse_size() -> NoReturn:
    raise RequestTooLarge(f"The request body is larger than {conf.max_body_bytes} bytes.")


def drain_request(request: HttpRequest, response: HttpResponseBase) -> None:
    """After an error response, read what the client is still sending.

    Closing the socket with unread data would reset the connection, and most clients read nothing before they have sent
    everything, so they would lose the response. Only with a socket: ASGI servers read the body first or drain it.
    """
    client = Client(request)
    if client.socket is not None:
        when_closed(response, partial(_drain, request, client))


def _drain(request: HttpRequest, client: Client) -> None:
    size = 0
    with contextlib.suppress(Exception), client.upload_deadline(_DRAIN_SECONDS):
        stream = _stream(request, _content_length(request))
        while size < 2 * conf.max_body_bytes:
            with client.upload_deadline(_PIECE_SECONDS):
                piece = stream.read(_READ_BYTES)
            if not piece:
                return
            size += len(piece)
            let_others_run(size)
