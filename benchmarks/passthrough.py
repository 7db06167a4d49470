"""The floor: the same server without Django, keys, limits and ledger. It only passes calls on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import urllib3

_UPSTREAM: Final = os.environ["UPSTREAM_BASE_URL"] + "/chat/completions"
_pool: Final = urllib3.PoolManager(maxsize=2000, retries=False)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Pass the request and the answer on unchanged."""
    if environ["REQUEST_METHOD"] == "GET":
        start_response("401 Unauthorized", [("Content-Length", "0")])
        return []
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    headers = {"Content-Type": "application/json", "Authorization": "Bearer of-the-upstream"}
    response: Any = _pool.urlopen("POST", _UPSTREAM, body=body, headers=headers, preload_content=False)
    content_type = response.headers["Content-Type"]
    if content_type.startswith("text/event-stream"):
        start_response("200 OK", [("Content-Type", content_type)])
        return _pieces(response)
    answer = response.read()
    response.release_conn()
    start_response(f"{response.status} .", [("Content-Type", content_type), ("Content-Length", str(len(answer)))])
    return [answer]


def _pieces(response: Any) -> Iterator[bytes]:
    while piece := response.read1(65536):
        yield piece
    response.release_conn()
