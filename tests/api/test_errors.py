"""What the SDKs do with our own errors: which they retry and when, and what the log says."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.http import Http404
from openai import _base_client
from rest_framework import exceptions as drf
from urllib3.util import Retry

from tests.support.fixtures import Configure, IssueKey
from tests.support.node import Node
from tests.support.reference import table
from threadless import exceptions
from threadless.api.exception_handler import api_error
from threadless.calls.levels import Level, Limit, refusal
from threadless.calls.windows import Sum, Window
from threadless.exceptions import APIError, retry_headers
from threadless.idempotency.errors import IdempotencyConflict, IdempotencyKeyReused
from threadless.testing import CompletionClient

httpx: Any = vars(_base_client).get("httpx2") or vars(_base_client)["httpx"]
"""The HTTP client of this version of the SDK."""


class Conflict(drf.APIException):
    """A host's own exception."""

    status_code = 409


CODES_OF_400 = (
    *("missing_required_parameter", "invalid_type", "invalid_json", "unknown_parameter", "unsupported_parameter"),
    "context_length_exceeded",
)
ERRORS: list[tuple[APIError, bool]] = [
    (exceptions.InternalError(), True),
    (api_error(RuntimeError()), True),
    (api_error(ImproperlyConfigured("A setting is missing.")), False),
    (api_error(exceptions.InvalidBackend("There is no such alias.")), False),
    (exceptions.InvalidRequest("Invalid."), False),
    *((exceptions.InvalidRequest("Invalid.", code=code), False) for code in CODES_OF_400),
    (exceptions.NotAuthenticated("No key."), False),
    (exceptions.InsufficientScope("No scope."), False),
    (exceptions.ModelNotFound("small"), False),
    (exceptions.UnknownPath("Nothing here."), False),
    (exceptions.RequestTimeout("Too late."), True),
    (exceptions.RequestTooLarge("Too large."), False),
    (exceptions.UnsupportedMediaType("Not JSON."), False),
    (exceptions.RateLimited("Too many.", headers=retry_headers(3)), True),
    (refusal([Level(Limit("requests", "key", 1, Window("any", 10, 6)), Sum(0, [(41.3, 1)], 1))]), True),
    (refusal([Level(Limit("requests", "key", 0, Window("any", 10, 6)), Sum(0, [], 0))]), False),
    (exceptions.InsufficientQuota("Used up."), False),
    (exceptions.UpstreamError(), True),
    (exceptions.UpstreamError(headers=exceptions.NO_RETRY), False),
    (exceptions.UpstreamUnavailable(), True),
    (exceptions.UpstreamTimeout(), True),
    (exceptions.Overloaded(), True),
    (exceptions.Overloaded(seconds=0.3), True),
    (exceptions.DatabaseUnavailable(), True),
    (exceptions.ReadOnly(), True),
    (api_error(OperationalError("server closed the connection unexpectedly")), True),
    (api_error(Http404()), False),
    (api_error(drf.PermissionDenied()), False),
    (api_error(drf.MethodNotAllowed("GET")), False),
    (api_error(drf.Throttled(wait=0.2)), True),
    (api_error(drf.Throttled(wait=30)), True),
    (api_error(drf.Throttled()), True),
    (api_error(Conflict()), False),
    (IdempotencyConflict.running(), True),
    (IdempotencyConflict.ended("req_1"), False),
    (IdempotencyKeyReused(), False),
]
NAMES = [f"{type(error).__name__} {error.status_code} {number}" for number, (error, _) in enumerate(ERRORS)]


@pytest.fixture
def sdk() -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="x", base_url="http://127.0.0.1:9/v1") as client:
        yield client


@pytest.mark.parametrize(("error", "is_retried"), ERRORS, ids=NAMES)
def test_sdk_retries_only_what_may_go_away(sdk: openai.OpenAI, error: APIError, is_retried: bool) -> None:
    assert sdk._should_retry(httpx.Response(error.status_code, headers=error.headers)) is is_retried


@pytest.mark.parametrize("error", [error for error, _ in ERRORS], ids=NAMES)
def test_retry_after_has_a_form_that_every_client_reads(sdk: openai.OpenAI, error: APIError) -> None:
    given = error.headers.get("Retry-After")
    exact = error.headers.get("retry-after-ms")
    assert (given is None) == (exact is None)
    if given is None or exact is None:
        return
    seconds = Retry().parse_retry_after(given)
    assert given == str(int(seconds))
    assert seconds >= 1
    assert 0 <= seconds - int(exact) / 1000 < 1
    assert sdk._parse_retry_after_header(httpx.Headers(error.headers)) == int(exact) / 1000


def test_node_sdk_retries_the_same_errors_after_the_same_time() -> None:
    given = [{"status": error.status_code, "headers": error.headers} for error, _ in ERRORS]
    command = Node.installed().command("retries.mjs", json.dumps(given))
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for (error, is_retried), result in zip(ERRORS, json.loads(done.stdout), strict=True):
        assert result["calls"] == 1 + is_retried, error
        exact = error.headers.get("retry-after-ms")
        assert not is_retried or exact is None or int(exact) in map(round, result["waits"]), error


@pytest.mark.parametrize("row", table("errors.md", "Status, type and code"), ids=lambda row: f"{row[0]} {row[2]}")
def test_each_row_of_the_reference_says_what_the_sdks_do(row: list[str]) -> None:
    """Each is one of the errors that the tests above give to both SDKs and to urllib3."""
    status, kind, code, _, retried = row
    found = {each for error, each in ERRORS if (str(error.status_code), error.type, error.code) == (status, kind, code)}
    assert retried.startswith("yes") in found
    if retried.startswith("yes") and "after Retry-After" in retried:
        assert all(error.headers.get("Retry-After") for error, each in ERRORS if error.code == code and each), code


def test_errors_are_those_of_the_reference() -> None:
    rows = {tuple(row[:3]) for row in table("errors.md", "Status, type and code")}
    assert {(str(error.status_code), error.type, error.code) for error, _ in ERRORS} == rows


def test_every_error_of_ours_is_checked() -> None:
    kinds = {kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, APIError)}
    assert kinds - {APIError} <= {type(error) for error, _ in ERRORS}


@pytest.mark.parametrize(
    ("seconds", "headers"), [(0.493, ("1", "493")), (0, ("1", "0")), (-1, ("1", "0")), (2.001, ("3", "2001"))]
)
def test_time_to_wait_is_rounded_up_to_whole_seconds(seconds: float, headers: tuple[str, str]) -> None:
    assert tuple(retry_headers(seconds).values()) == headers


@pytest.mark.django_db
def test_wrong_configuration_tells_the_sdk_not_to_retry(issue_key: IssueKey, configure: Configure) -> None:
    configure(MODELS={"small": {"model": "m", "backend": "missing"}})
    response: Any = CompletionClient(issue_key()[1], raise_request_exception=False).complete("small", "Hello")
    assert (response.status_code, response["x-should-retry"]) == (500, "false")


# The log


@pytest.mark.django_db
@pytest.mark.parametrize("fields", [{"n": 0}, {"model": "other"}, {"messages": "\ud83d" * 3}], ids=str)
def test_refused_request_is_one_line_at_debug_level_with_its_id(
    issue_key: IssueKey, caplog: pytest.LogCaptureFixture, fields: dict[str, Any]
) -> None:
    secret = issue_key()[1]
    caplog.clear()
    for logger in ("", "django.request", "threadless"):
        caplog.set_level(logging.DEBUG, logger)
    body = {"model": "small", **fields}
    response = CompletionClient(secret).post("/api/v1/chat/completions", body, content_type="application/json")
    records = [record for record in caplog.records if not record.name.startswith(("django.db", "asyncio"))]
    assert [record.levelname for record in records] == ["DEBUG"]
    assert response["x-request-id"] in records[0].getMessage()
    assert response.json()["error"]["code"] in records[0].getMessage()
