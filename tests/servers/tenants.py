"""What a host with tenants brings: a context around each call, and credentials that depend on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from threadless.types import Caller, Credentials, Target

_tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


@contextmanager
def call_context(call: Any) -> Iterator[None]:
    """The tenant is named by the id that the client has sent."""
    token = _tenant.set(call.opening.client_request_id)
    try:
        yield
    finally:
        _tenant.reset(token)


def credentials(caller: Caller, target: Target) -> Credentials:
    """A key for the tenant of the running call."""
    return Credentials(base_url=os.environ["UPSTREAM_BASE_URL"], api_key=f"key-of-{_tenant.get()}")
