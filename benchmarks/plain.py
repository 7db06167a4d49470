"""What a call costs a platform without threadless, at the least: a plain view of Django REST framework.

It reads a key, commits a row, passes the call on, and settles the row with the usage, behind the same middleware, on
the same server and database, and with the same three statements, which are faster than those of the ORM. It has no
scopes, limits, validation, streams or errors, does not notice a client that leaves, and loses the row of a call that
fails.
"""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import urllib3
from django.db import connection
from django.http import HttpResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.views import APIView

from threadless.db.prepared import Statement, first_row
from threadless.keys.secrets import digest
from threadless.usage.base import Entry
from threadless.usage.ledger_sql import insert, settle

_KEY: Final = Statement("SELECT id, user_id FROM accounts_apikey WHERE digest = %s")
_UPSTREAM: Final = os.environ.get("UPSTREAM_BASE_URL", "") + "/chat/completions"
_HEADERS: Final = {"Content-Type": "application/json", "Authorization": "Bearer of-the-upstream"}
_pool: Final = urllib3.PoolManager(maxsize=2000, retries=False)
_decode: Final = msgspec.json.decode


class PlainView(APIView):
    """A plain answer for a valid key."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []

    def post(self, request: Request) -> HttpResponse:
        """Read the key, commit a row, ask the upstream, settle the row."""
        secret = request.META["HTTP_AUTHORIZATION"].removeprefix("Bearer ")
        if (key := _KEY.run(connection, [digest(secret)], first_row)) is None:
            return HttpResponse(status=401)
        plain: Any = request._request
        body = plain.read()
        entry = _open(key, _decode(body)["model"])
        connection.close()  # returns it to its pool
        headers = {**_HEADERS, "X-Request-ID": entry.request_id}
        response: Any = _pool.urlopen("POST", _UPSTREAM, body=body, headers=headers, preload_content=False)
        answer = response.read()
        response.release_conn()
        _close(entry, response.status, _decode(answer)["usage"])
        return HttpResponse(answer, content_type="application/json")


def _open(key: Any, model: str) -> Entry:
    now = datetime.now(UTC)
    request_id = f"req_{uuid.uuid4().hex}"
    columns = {"request_id": request_id, "key_id": str(key[0]), "user_id": key[1], "model": model, "is_stream": False}
    times = {"opened_at": now, "deadline": now + timedelta(minutes=10)}
    return Entry("default", insert(connection, {**columns, **times}), request_id)


def _close(entry: Entry, status: int, usage: dict[str, int]) -> None:
    tokens = {name: usage[name] for name in ("prompt_tokens", "completion_tokens")}
    settle(entry, {"state": "completed", "http_status": status, **tokens})


urlpatterns = [path("api/v1/chat/completions", PlainView.as_view())]
