"""How our routes appear to packages that name a request after its route."""

from __future__ import annotations

import pytest
from django.urls import resolve

ROUTES = [
    ("chat/completions", "chat/completions"),
    ("chat/completions/", "chat/completions"),
    ("chats/completions", "chat/completions"),
    ("models", "models"),
    ("models/a/b", "models/<name>"),
    ("openapi.json", "openapi.json"),
    ("docs", "docs"),
    ("no/such/path", ""),
]


@pytest.mark.parametrize(("path", "route"), ROUTES)
def test_text_of_a_route_is_its_path(path: str, route: str) -> None:
    assert resolve(f"/api/v1/{path}").route == f"api/v1/{route}"
