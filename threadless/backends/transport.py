"""One POST to an upstream over a urllib3 pool, its time-outs, and the body as it arrives.

The pool is the one that `requests` would use, asked directly: a `Session.send` prepares, wraps and logs cookies for
150 µs a call, as much as the key lookup and the ledger together, and none of it does anything for an upstream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from urllib3 import BaseHTTPResponse, HTTPConnectionPool
from urllib3.exceptions import HTTPError, MaxRetryError, ReadTimeoutError
from urllib3.util import Retry, Timeout

from threadless.backends import lifetime
from threadless.backends.connections import silence
from threadless.exceptions import UpstreamError, UpstreamTimeout, UpstreamUnavailable

_SEGMENT_BYTES: Final = 65536
_DRAIN_SECONDS: Final = 0.2
"""How long the end of a body is waited for after `[DONE]`, so that the connection can be used again."""
RETRIES: Final = Retry(total=None, connect=1, read=False, redirect=0, status=0, other=0)
"""Only a failed connect was provably not sent."""


class Transport:
    """Posts to one address. Time-outs are in seconds; a call's deadline shortens them."""

    def __init__(
        self,
        pool: HTTPConnectionPool,
        path: str,
        headers: Mapping[str, str],
        *,
        connect_seconds: float,
        first_byte_seconds: float,
        between_chunks_seconds: float,
    ) -> None:
        self._pool = pool
        self._path = path
        self._headers = dict(headers)
        self._connect_seconds = connect_seconds
        self._first_byte_seconds = first_byte_seconds
        self._between_chunks_seconds = between_chunks_seconds

    @contextmanager
    def post(self, body: bytes, request_id: str) -> Iterator[BaseHTTPResponse]:
        """The response, to be read within the block; raises `UpstreamError`s for failures of the connection."""
        with _translated():
            response = self._send(body, request_id)
            try:
                yield response
            finally:
                response.close()

    def segments(self, response: BaseHTTPResponse) -> Iterator[bytes]:
        """The body as it arrives, never gathered."""
        life = lifetime.current()
        while segment := response.read1(_SEGMENT_BYTES, decode_content=True):
            yield segment
            if life is not None:
                life.check()
                if life.sock is not None and life.remaining < self._between_chunks_seconds:
                    life.sock.settimeout(life.remaining)

    def drain(self, response: BaseHTTPResponse) -> None:
        """Wait a moment for the end of a body whose content is whole."""
        life = lifetime.current()
        if life is not None and life.sock is not None:
            life.sock.settimeout(_DRAIN_SECONDS)
            try:
                response.read1(_SEGMENT_BYTES, decode_content=True)
            except (HTTPError, OSError, ValueError):
                return  # what the connection does now concerns nobody

    def _send(self, body: bytes, request_id: str) -> BaseHTTPResponse:
        life = lifetime.current()
        first_byte = min(self._first_byte_seconds, life.remaining) if life else self._first_byte_seconds
        with silence():
            return self._pool.urlopen(
                "POST",
                self._path,
                body=body,
                headers={**self._headers, "X-Request-Id": request_id} if request_id else self._headers,
                retries=RETRIES,
                redirect=False,
                assert_same_host=False,
                timeout=Timeout(connect=self._connect_seconds, read=first_byte),
                preload_content=False,
                decode_content=False,
            )


@contextmanager
def _translated() -> Iterator[None]:
    """Failures of the connection without the addresses that their texts hold."""
    try:
        yield
    except (ReadTimeoutError, TimeoutError):
        raise UpstreamTimeout("The model took too long to answer.") from None
    except MaxRetryError:  # only connects are tried again
        raise UpstreamUnavailable("The model could not be reached.") from None
    except (HTTPError, OSError):
        raise UpstreamError("The connection to the model broke.") from None
