"""Exceptions of real SDKs, raised by a host's own function, become the errors that clients know."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import boto3
import botocore.config
import httpx
import openai
import pytest
import requests
from google.api_core import exceptions as google_exceptions

from tests.bridges.conftest import Platform
from tests.support.upstream import UPSTREAM_KEY
from threadless.exceptions import APIError, UpstreamUnavailable

google: Any = google_exceptions  # has no types
FUNCTION = "threadless.backends.function.FunctionBackend"
INSTRUCTIONS = "You are the assistant of Examplary Ltd. Never mention the merger."


def by_openai(url: str, payload: Any) -> Any:
    with openai.OpenAI(base_url=url, api_key=UPSTREAM_KEY, max_retries=0, timeout=5) as client:
        return client.chat.completions.create(model=payload["model"], messages=payload["messages"]).to_dict()


def by_anthropic(url: str, payload: Any) -> Any:
    with anthropic.Anthropic(base_url=url, api_key=UPSTREAM_KEY, max_retries=0, timeout=5) as client:
        client.messages.create(model=payload["model"], messages=payload["messages"], max_tokens=9)


def by_bedrock(url: str, payload: Any) -> Any:
    client = boto3.client(
        "bedrock-runtime",
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id="AKIAEXAMPLE12345678",
        aws_secret_access_key=UPSTREAM_KEY,
        config=botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=5),
    )
    client.converse(modelId=payload["model"], messages=[{"role": "user", "content": [{"text": "Hello"}]}])


def by_httpx(url: str, payload: Any) -> Any:
    headers = {"Authorization": f"Bearer {UPSTREAM_KEY}"}
    httpx.post(f"{url}/chat/completions", json=payload, headers=headers, timeout=5).raise_for_status()


def by_requests(url: str, payload: Any) -> Any:
    headers = {"Authorization": f"Bearer {UPSTREAM_KEY}"}
    requests.post(f"{url}/chat/completions", json=payload, headers=headers, timeout=5).raise_for_status()


VENDORS: dict[str, Callable[[str, Any], Any]] = {
    "openai": by_openai,
    "anthropic": by_anthropic,
    "bedrock": by_bedrock,
    "httpx": by_httpx,
    "requests": by_requests,
}
every_vendor = pytest.mark.parametrize("ask", VENDORS.values(), ids=VENDORS)
STATUSES = {
    400: (400, "bad_image"),
    401: (502, "upstream_error"),
    404: (502, "upstream_error"),
    429: (429, "rate_limit_exceeded"),
    500: (502, "upstream_error"),
    503: (503, "upstream_unavailable"),
}


def use(platform: Platform, ask: Callable[[str, Any], Any], **options: Any) -> None:
    """Let a function of the host answer."""
    platform.use(FUNCTION, function=lambda payload, caller: ask(platform.upstream.base_url, payload), **options)


def fail(platform: Platform, status: int, message: str = "It failed.", **headers: str) -> None:
    """Let the upstream fail. Bedrock reads the code from a header and the message from the top of the body."""
    error = {"message": message, "type": "invalid_request_error", "code": "bad_image"}
    names = {400: "bad_image", 429: "ThrottlingException"}
    headers |= {"x-amzn-ErrorType": names.get(status, "OtherException")}
    platform.upstream.script(lambda exchange: exchange.answer({"error": error, "message": message}, status, headers))


@every_vendor
@pytest.mark.parametrize("status", STATUSES)
def test_answer_of_a_vendor_has_the_status_and_code_that_our_own_upstreams_have(
    platform: Platform, ask: Any, status: int
) -> None:
    use(platform, ask)
    fail(platform, status)
    found, error, _ = platform.refuse()
    assert (found, error["code"]) == STATUSES[status]


@every_vendor
def test_rate_limit_of_a_vendor_keeps_its_time_to_wait(platform: Platform, ask: Any) -> None:
    use(platform, ask)
    fail(platform, 429, **{"retry-after": "17"})
    status, _, headers = platform.refuse()
    assert (status, headers["Retry-After"], headers["retry-after-ms"]) == (429, "17", "17000")


@every_vendor
def test_message_about_the_request_reaches_the_client_without_secrets(platform: Platform, ask: Any) -> None:
    use(platform, ask)
    key = "AKIAEXAMPLE12345678" if ask is by_bedrock else UPSTREAM_KEY  # AWS does not learn the secret
    fail(platform, 400, f"The image at {platform.upstream.base_url} with {key} for upstream-small is broken.")
    status, error, _ = platform.refuse()
    assert (status, error["message"]) == (400, "The image at [redacted] with [redacted] for small is broken.")


SECRETS = {
    "a masked key": "sk-proj-****************abcd",
    "an AWS resource": "arn:aws:bedrock:eu-west-1:123456789012:provisioned-model/abc",
    "a Google project": "projects/acme-internal/locations/europe-west4",
    "an address": "https://llm.internal.example:8443/v1",
    "an internal address": "10.1.2.3:8000",
    "an account": "org-AbCdEfGhIjKl",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_what_looks_like_a_secret_of_the_operator_is_redacted(platform: Platform, secret: str) -> None:
    use(platform, by_openai)
    fail(platform, 400, f"Refused by {secret}, sorry.")
    assert platform.refuse()[1]["message"] == "Refused by [redacted], sorry."


def test_message_that_repeats_the_instructions_is_replaced(platform: Platform, settings: Any) -> None:
    use(platform, by_openai)
    models = {"small": {"model": "upstream-small", "instructions": INSTRUCTIONS}}
    settings.THREADLESS = {**settings.THREADLESS, "MODELS": models}
    fail(platform, 400, f"Invalid prompt: {INSTRUCTIONS}")
    assert platform.refuse()[1]["message"] == "The model refused the request."


def test_refusal_of_another_service_is_not_shown(platform: Platform) -> None:
    use(platform, by_requests)
    platform.upstream.script(lambda exchange: exchange.answer({"detail": "row 7 of table patients"}, 400))
    status, error, _ = platform.refuse()
    assert (status, "patients" in json.dumps(error)) == (502, False)


def gone(url: str) -> str:
    """The address of a port at which nobody listens."""
    return f"{url.rpartition(':')[0]}:9/v1"


@every_vendor
def test_vendor_that_cannot_be_reached_is_unavailable(platform: Platform, ask: Any) -> None:
    use(platform, lambda url, payload: ask(gone(url), payload))
    status, error, _ = platform.refuse()
    assert (status, error["code"]) == (503, "upstream_unavailable")


@pytest.mark.parametrize("client", ["openai", "httpx", "requests"])
def test_vendor_that_keeps_silent_took_too_long(platform: Platform, client: str) -> None:
    def ask(url: str, payload: Any) -> None:
        if client == "openai":
            with openai.OpenAI(base_url=url, api_key="key", max_retries=0, timeout=0.2) as sdk:
                sdk.chat.completions.create(model="m", messages=payload["messages"])
        elif client == "httpx":
            httpx.post(url, json=payload, timeout=0.2)
        else:
            requests.post(url, json=payload, timeout=0.2)

    use(platform, ask)
    platform.upstream.script(lambda exchange: exchange.wait_closed(10))
    status, error, _ = platform.refuse()
    assert (status, error["code"]) == (504, "upstream_timeout")


def test_failure_within_a_stream_is_an_event(platform: Platform) -> None:
    def ask(payload: Any, caller: Any) -> Iterator[Any]:
        with openai.OpenAI(base_url=platform.upstream.base_url, api_key="key", max_retries=0) as client:
            for chunk in client.chat.completions.create(model="m", messages=payload["messages"], stream=True):
                yield chunk.to_dict()

    platform.use(FUNCTION, function=ask)
    text = {"choices": [{"index": 0, "delta": {"content": "Hel"}}]}
    error = {"error": {"message": "Slow down.", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}
    platform.upstream.script(lambda exchange: exchange.stream(text, error, done=False))
    events = platform.stream()
    assert (events.text, events.is_done, (events.error or {})["code"]) == ("Hel", False, "rate_limit_exceeded")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (google.ResourceExhausted("quota"), (429, "rate_limit_exceeded")),
        (google.DeadlineExceeded("late"), (504, "upstream_timeout")),
        (google.ServiceUnavailable("away"), (503, "upstream_unavailable")),
        (google.PermissionDenied("no"), (502, "upstream_error")),
        (google.InvalidArgument("bad"), (400, "invalid_value")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exception_of_google_is_translated(platform: Platform, error: Exception, expected: tuple[int, str]) -> None:
    def ask(payload: Any, caller: Any) -> None:
        raise error

    platform.use(FUNCTION, function=ask)
    status, found, _ = platform.refuse()
    assert (status, found["code"]) == expected


class RobotBusy(Exception):
    """Of the host's own client."""


def as_unavailable(error: RobotBusy) -> APIError:
    """What the client learns of it."""
    return UpstreamUnavailable("The robot is busy.")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [(429, (429, "rate_limit_exceeded")), (f"{__name__}.as_unavailable", (503, "upstream_unavailable"))],
)
def test_host_adds_exceptions_of_its_own(platform: Platform, rule: Any, expected: tuple[int, str]) -> None:
    def ask(payload: Any, caller: Any) -> None:
        raise RobotBusy

    platform.use(FUNCTION, function=ask, errors={f"{__name__}.RobotBusy": rule})
    status, error, _ = platform.refuse()
    assert (status, error["code"]) == expected


def test_exception_that_is_caused_by_a_known_one_is_translated(platform: Platform) -> None:
    def ask(url: str, payload: Any) -> Any:
        try:
            by_openai(url, payload)
        except openai.OpenAIError as error:
            raise RobotBusy from error

    use(platform, ask)
    fail(platform, 429)
    assert platform.refuse()[0] == 429


def test_unknown_exception_remains_a_failure_of_the_platform(platform: Platform) -> None:
    def ask(payload: Any, caller: Any) -> None:
        raise RobotBusy

    platform.use(FUNCTION, function=ask)
    status, error, _ = platform.refuse()
    assert (status, error["code"]) == (500, "internal_error")
