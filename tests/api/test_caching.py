"""No answer of ours is stored by a shared cache, and none is served to another caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings

from tests.support import factories
from tests.support.fixtures import IssueKey
from threadless.testing import CompletionClient, read_events, use_dummy_backend

pytestmark = pytest.mark.django_db(transaction=True)

BASE = "/api/v1"


def ask(client: CompletionClient, **fields: Any) -> Any:
    return client.complete(fields.pop("model", "small"), "Hello", **fields)


ANSWERS: dict[str, tuple[int, Callable[[CompletionClient], Any]]] = {
    "answer": (200, ask),
    "models": (200, lambda client: client.get(f"{BASE}/models")),
    "model": (200, lambda client: client.get(f"{BASE}/models/small")),
    "HEAD": (200, lambda client: client.head(f"{BASE}/models")),
    "invalid": (400, lambda client: ask(client, n=0)),
    "no key": (401, lambda client: client.get(f"{BASE}/models", headers={"Authorization": ""})),
    "unknown model": (404, lambda client: ask(client, model="other")),
    "unknown path": (404, lambda client: client.get(f"{BASE}/embeddings")),
    "wrong method": (405, lambda client: client.delete(f"{BASE}/models")),
    "OPTIONS": (405, lambda client: client.options(f"{BASE}/chat/completions")),
    "not JSON": (415, lambda client: client.post(f"{BASE}/chat/completions", "x", content_type="text/plain")),
}


def names_in(header: str) -> set[str]:
    return {name.strip() for name in header.split(",")}


@pytest.mark.parametrize(("status", "request_it"), ANSWERS.values(), ids=ANSWERS)
def test_every_answer_is_for_one_caller(
    issue_key: IssueKey, status: int, request_it: Callable[[CompletionClient], Any]
) -> None:
    response = request_it(CompletionClient(issue_key()[1]))
    assert response.status_code == status
    assert response["Cache-Control"] == "private, no-store"
    assert names_in(response["Vary"]) >= {"Authorization", "Cookie"}


@pytest.mark.parametrize("path", ["models", "chat/completions"])
def test_page_is_for_one_caller(path: str) -> None:
    client = CompletionClient()
    client.force_login(factories.make_user(permissions=("write_chats",)))
    response = client.get(f"{BASE}/{path}", headers={"Accept": "text/html"})
    assert response["Content-Type"].startswith("text/html")
    assert response["Cache-Control"] == "private, no-store"
    assert names_in(response["Vary"]) >= {"Authorization", "Cookie"}


def test_stream_is_for_one_caller_and_not_transformed(issue_key: IssueKey) -> None:
    with use_dummy_backend("Yes."):
        response = ask(CompletionClient(issue_key()[1]), stream=True)
        read_events(response)
    assert response["Cache-Control"] == "private, no-store, no-transform"
    assert names_in(response["Vary"]) >= {"Authorization", "Cookie"}


@pytest.fixture
def cached_site(settings: Settings) -> None:
    """A host that caches its whole site."""
    cache.clear()
    settings.MIDDLEWARE = [
        "django.middleware.cache.UpdateCacheMiddleware",
        *settings.MIDDLEWARE,
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]


def test_site_cache_serves_the_models_to_no_other_caller(cached_site: None, issue_key: IssueKey) -> None:
    key, secret = issue_key()
    assert CompletionClient(secret).get(f"{BASE}/models").status_code == 200
    assert CompletionClient().get(f"{BASE}/models").status_code == 401
    assert CompletionClient("tl_other").get(f"{BASE}/models").status_code == 401
    key.revoke()
    assert CompletionClient(secret).get(f"{BASE}/models").status_code == 401


def test_site_cache_keeps_no_refusal(cached_site: None, issue_key: IssueKey) -> None:
    assert CompletionClient().get(f"{BASE}/models").status_code == 401
    assert CompletionClient(issue_key()[1]).get(f"{BASE}/models").status_code == 200
