"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests import factories


@pytest.fixture
def user(db: None) -> Any:
    """An ordinary user without any permission."""
    return factories.make_user("alice")


@pytest.fixture
def issue_key(user: Any) -> Callable[..., tuple[Any, str]]:
    """Makes `(key, secret)`, for `user` unless told otherwise."""
    return lambda **fields: factories.make_key(**{"user": user} | fields)
