"""Reads a request body within its limit, once, without Django holding more of it than that.

DRF's parsers are the wrong place: they take a chunked body, which has no length under WSGI, for an empty one.
"""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.http.request import RawPostDataException, UnreadablePostError

from threadless.conf import conf
from threadless.exceptions import InvalidRequest, RequestTooLarge, UnsupportedMediaType

_PIECE_BYTES: Final = 65536
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
    try:
        if length is not None and length > limit:
            _refuse_size(stream, limit)
        body = _read(stream, limit + 1 if length is None else length)
        if len(body) > limit:
            _refuse_size(stream, limit)
    except (UnreadablePostError, OSError):
        raise InvalidRequest("The request body could not be read.", code="invalid_json") from None
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
    if hasattr(request, "_body"):
        raise RawPostDataException
    if length is None and request.META.get("wsgi.input_terminated"):
        return request.META["wsgi.input"]
    return request


def _read(stream: Any, size: int) -> bytes:
    """Up to `size` bytes; less only at the end of the body."""
    first: bytes = stream.read(size)
    if len(first) == size or not first:
        return first
    pieces, got = [first], len(first)
    while got < size and (piece := stream.read(size - got)):
        pieces.append(piece)
        got += len(piece)
    return b"".join(pieces)


def _refuse_size(stream: Any, limit: int) -> None:
    """Drain some of the rest, so that the client has written enough to read the answer, and refuse."""
    drained = 0
    while drained < 2 * limit and (piece := stream.read(_PIECE_BYTES)):
        drained += len(piece)
    raise RequestTooLarge(f"The request body is larger than {limit} bytes.")
