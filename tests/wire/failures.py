"""Scripts of an upstream that refuses or fails."""

from __future__ import annotations

from typing import Any

from tests.support.upstream import Script


def fail(status: int, body: Any = None, **headers: str) -> Script:
    """Answer with this status, and an error body unless one is given. Header names have underscores for dashes."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    error = {"message": "Secret reason", "type": "t", "param": None, "code": "c"}
    return lambda exchange: exchange.answer({"error": error} if body is None else body, status, given)
