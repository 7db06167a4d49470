"""Browsers of other origins, with the settings for django-cors-headers that the manual gives."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.support.fixtures import IssueKey
from threadless.testing import CompletionClient, read_events, use_dummy_backend

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/chat/completions"
ORIGIN = "https://app.example"
HEADERS_OF_THE_SDK = (
    "authorization,content-type,x-stainless-arch,x-stainless-helper-method,x-stainless-lang,x-stainless-os,"
    "x-stainless-package-version,x-stainless-poll-helper,x-stainless-retry-count,x-stainless-runtime,"
    "x-stainless-runtime-version,x-stainless-timeout,x-request-id,idempotency-key,openai-organization,openai-project"
)
"""What openai-node can send: src/client.ts and src/internal/ in its repository."""


@pytest.fixture(autouse=True)
def cors(settings: Settings) -> dict[str, Any]:
    """The settings of the manual."""
    manual = (Path(__file__).resolve().parents[2] / "docs" / "hosts" / "surroundings.md").read_text()
    block = re.search(r"```python\n# mysite/settings.py\n(from corsheaders.*?)```", manual, re.DOTALL)
    assert block is not None
    given: dict[str, Any] = {}
    exec(block[1], given)
    for name in ("CORS_URLS_REGEX", "CORS_ALLOWED_ORIGINS", "CORS_ALLOW_HEADERS", "CORS_EXPOSE_HEADERS"):
        setattr(settings, name, given[name])
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "corsheaders"]
    settings.MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]
    return given


def preflight(path: str = PATH, origin: str = ORIGIN) -> Any:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": HEADERS_OF_THE_SDK}
    return Client().options(path, headers={"Origin": origin, **asked})


def test_preflight_allows_every_header_of_the_sdk() -> None:
    response = preflight()
    allowed = {name.strip() for name in response["Access-Control-Allow-Headers"].split(",")}
    assert (response.status_code, response["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    assert set(HEADERS_OF_THE_SDK.split(",")) <= allowed
    assert "POST" in response["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(("path", "origin"), [(PATH, "https://other.example"), ("/admin/", ORIGIN)])
def test_preflight_of_another_origin_or_path_is_not_allowed(path: str, origin: str) -> None:
    assert not preflight(path, origin).has_header("Access-Control-Allow-Origin")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_answer_can_be_read_by_the_browser(issue_key: IssueKey, stream: bool) -> None:
    client = CompletionClient(issue_key()[1], headers={"Origin": ORIGIN})
    with use_dummy_backend("Yes."):
        response = client.complete("small", "Is it on?", stream=stream)
        text = read_events(response).text if stream else response.json()["choices"][0]["message"]["content"]
    assert (text, response["Access-Control-Allow-Origin"]) == ("Yes.", ORIGIN)
    assert "private, no-store" in response["Cache-Control"]
    assert {"authorization", "origin"} <= {name.strip().lower() for name in response["Vary"].split(",")}


def test_error_can_be_read_by_the_browser_with_its_headers() -> None:
    response = CompletionClient("tl_wrong", headers={"Origin": ORIGIN}).complete("small", "Is it on?")
    exposed = {name.strip() for name in response["Access-Control-Expose-Headers"].split(",")}
    assert (response.status_code, response["Access-Control-Allow-Origin"]) == (401, ORIGIN)
    assert {"x-request-id", "retry-after", "retry-after-ms", "x-should-retry"} <= exposed


def test_without_the_package_no_origin_is_allowed(settings: Settings) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "corsheaders" not in name]
    response = preflight()
    assert response.status_code == 405
    assert not response.has_header("Access-Control-Allow-Origin")
