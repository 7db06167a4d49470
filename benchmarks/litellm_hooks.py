"""LiteLLM's part of the comparison: for each call it looks up a hashed key and writes one row, both in SQLite.

LiteLLM imports this module from the folder of its configuration. It uses plain `sqlite3`, the least that a hook can do,
with one connection in the event loop's thread, where both hooks run.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from datetime import datetime
from typing import Any

from fastapi import HTTPException, Request
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import UserAPIKeyAuth

_database = sqlite3.connect(os.environ["BENCH_DATABASE"], isolation_level=None, check_same_thread=False)
_database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;")

_FIND = "SELECT id, user_id, scopes FROM keys WHERE digest = ? AND revoked_at IS NULL"
_WRITE = """
INSERT INTO usage (key_id, model, state, prompt_tokens, completion_tokens, opened_at, duration_ms)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""


async def find_key(request: Request, api_key: str) -> UserAPIKeyAuth:
    """The owner of the key; a 401 if the key is unknown."""
    found = _database.execute(_FIND, (hashlib.sha256(api_key.encode()).hexdigest(),)).fetchone()
    if found is None or "CHATS:WRITE" not in found[2]:
        raise HTTPException(status_code=401, detail="Incorrect API key provided.")
    return UserAPIKeyAuth(api_key=api_key, user_id=str(found[1]))


class UsageWriter(CustomLogger):
    """Write one row per call, after its end."""

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self._write(kwargs, "completed", getattr(response_obj, "usage", None), start_time, end_time)

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self._write(kwargs, "failed", None, start_time, end_time)

    def _write(self, kwargs: Any, state: str, usage: Any, start: datetime, end: datetime) -> None:
        tokens = (usage.prompt_tokens, usage.completion_tokens) if usage else (None, None)
        milliseconds = round((end - start).total_seconds() * 1000)
        row = (1, kwargs.get("model"), state, *tokens, start.isoformat(), milliseconds)
        _database.execute(_WRITE, row)


usage_writer = UsageWriter()
