"""Runs one call through the backend and the chat dialect, without a server of ours or a database."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.wire.cases.case import Case
from threadless.backends.base import BaseChatBackend
from threadless.completions.account import Account
from threadless.dialects.chat import ChatDialect
from threadless.exceptions import APIError
from threadless.types import Caller, Target

_CALLER = Caller(user_id=None)
_DIALECT = ChatDialect()
_RANDOM = re.compile(rb'chatcmpl-[0-9a-f]{32}|call_[0-9a-f]{24}|"created":\d+')
"""What differs from call to call."""

Result = tuple[bytes, list[Any]]


def stream(case: Case, backend: BaseChatBackend, target: Target) -> Result:
    """The events of the client, without what is random, and what the row would hold."""
    messages = [{"role": "user", "content": "Hi"}]
    body = {"model": target.id, "messages": messages, "stream": True, "stream_options": {"include_usage": True}}
    asked: Any = _DIALECT.parse(json.dumps(body | case.request).encode(), "request-1")
    account = _DIALECT.account(asked, target)
    encoder = _DIALECT.encoder(account, asked, target)
    content, failure = b"", None
    try:
        for item in _DIALECT.stream(backend, asked, target, _CALLER):
            content += encoder.encode(item)
        content += encoder.end() + encoder.done
    except APIError as error:
        failure = error
        content += encoder.failure(error)
    return _RANDOM.sub(b"", content), _row(account, failure, has_output=b"choices" in content)


def _row(account: Account, failure: APIError | None, *, has_output: bool) -> list[Any]:
    usage = account.owed(has_failed=failure is not None, has_output=has_output)
    code = failure.code if failure else ""
    return [code, account.finish_reason, account.tool_calls, account.upstream_model, usage]
