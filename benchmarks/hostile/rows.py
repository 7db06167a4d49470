"""All rows, in the order of the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from benchmarks.hostile import attacks, bodies, upstream
from benchmarks.hostile.attacks import Attack

BODY_SECONDS: Final = 60.0
"""The longest that a large body may take; the server works on it until then, or has answered."""
CLIENT_SECONDS: Final = 8.0
UPSTREAM_SECONDS: Final = 8.0
LARGE_SECONDS: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class Row:
    """One attack. `upstream` is a behavior of `benchmarks.hostile.upstream`, `seconds` the longest that it lasts."""

    name: str
    attack: Attack
    seconds: float
    upstream: str = "answer"


def _client_rows() -> Iterator[Row]:
    row = partial(Row, seconds=CLIENT_SECONDS)
    large, many = attacks.header_lines(b"a" * 60_000), attacks.header_lines(b"a")
    yield Row(name="client: 24 MiB of long header lines, no key", attack=large, seconds=BODY_SECONDS)
    yield Row(name="client: 24 MiB of short header lines, no key", attack=many, seconds=BODY_SECONDS)
    yield row(name="client: 200 slow heads, no key", attack=attacks.slow(200, attacks.begin_headers, b"a"))
    yield row(name="client: 40 slow uploads", attack=attacks.slow(40, attacks.begin_upload, b" "))
    yield row(name="client: 40 drips after a 401", attack=attacks.slow(40, attacks.invented_key, b" "))
    yield row(name="client: 20 uploads of 15 MiB without the last byte", attack=attacks.uploads_without_an_end)
    plain, stream = attacks.never_read(is_stream=False), attacks.never_read(is_stream=True)
    yield row(name="client: 40 unread answers of 3 MB", attack=plain, upstream="unread")
    yield row(name="client: 40 unread streams", attack=stream, upstream="unread")


def _upstream_rows() -> Iterator[Row]:
    stream, plain = attacks.calls(2, stream=True), attacks.calls(2)
    row = partial(Row, seconds=UPSTREAM_SECONDS, attack=stream)
    yield row(name="upstream: comments without end", upstream="comments")
    yield row(name="upstream: chunks without choices without end", upstream="empty_choices")
    yield row(name="upstream: 100 Continue without end", upstream="continues")
    yield row(name="upstream: trailers without end", upstream="trailers", attack=plain)
    yield row(name="upstream: chunks of one byte without end", upstream="tiny_chunks")
    yield row(name="upstream: head byte by byte", upstream="slow_head")
    yield row(name="upstream: silent TLS handshake", upstream=upstream.SILENT_TLS, attack=attacks.calls(40))
    yield row(name="upstream: full backlog", upstream=upstream.FULL_BACKLOG, attack=attacks.calls(40))
    yield row(name="upstream: one response too many", upstream="one_too_many", attack=attacks.two_tenants)
    large = partial(Row, seconds=LARGE_SECONDS)
    yield large(name="upstream: a line of 300 MB", upstream="long_line", attack=stream)
    yield large(name="upstream: an answer of 300 MB", upstream="large_json", attack=plain)
    yield large(name="upstream: a gzip bomb of 600 MB", upstream="gzip_bomb", attack=plain)


ROWS: Final = (
    Row(name="control: one usual call", attack=attacks.no_attack, seconds=CLIENT_SECONDS),
    *(
        Row(name=f"body: {name.replace('_', ' ')}", attack=attacks.body(make), seconds=BODY_SECONDS)
        for name, make in bodies.SHAPES.items()
    ),
    *_client_rows(),
    *_upstream_rows(),
)
