"""The helpers for hosts' tests, used as a host would use them."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponse, StreamingHttpResponse
from pytest_django import Settings

from tests.support import factories
from tests.support.fixtures import IssueKey
from threadless.backends import backends
from threadless.exceptions import RateLimited
from threadless.testing import (
    AsyncCompletionClient,
    CompletionClient,
    Events,
    aread_events,
    read_events,
    use_dummy_backend,
)

pytestmark = pytest.mark.django_db
needs_commits = pytest.mark.django_db(transaction=True)


def sse(*bodies: dict[str, Any] | bytes) -> StreamingHttpResponse:
    """A response as the view gives it, in pieces that fit no event."""
    encoded = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]
    whole = b"".join(b"data: %b\n\n" % body for body in encoded)
    return StreamingHttpResponse([whole[:5], whole[5:30], whole[30:]], content_type="text/event-stream")


def chunk(content: str | None, finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    """A chunk of one choice."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}
    return {"choices": [choice], **fields}


def test_plain_call_is_answered_by_the_dummy(issue_key: IssueKey) -> None:
    with use_dummy_backend("Yes.") as backend:
        response = CompletionClient(issue_key()[1]).complete("small", "Is it on?")
    assert response.json()["choices"][0]["message"]["content"] == "Yes."
    assert backend.asked[0].request.get("messages") == [{"role": "user", "content": "Is it on?"}]
    assert backend.asked[0].target.model == "upstream-small"


def test_messages_and_fields_are_sent_as_given(issue_key: IssueKey) -> None:
    history = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    with use_dummy_backend() as backend:
        CompletionClient(issue_key()[1]).complete("small", history, temperature=0)
    request = backend.asked[0].request
    assert (request.get("messages"), request.get("temperature")) == (history, 0)


def test_error_is_the_dummys(issue_key: IssueKey) -> None:
    with use_dummy_backend(error=RateLimited("Slow down.")):
        response = CompletionClient(issue_key()[1]).complete("small", "Hi")
    assert (response.status_code, response.json()["error"]["message"]) == (429, "Slow down.")


def test_backends_of_the_host_are_back_after_the_block() -> None:
    own = backends["default"]
    with use_dummy_backend():
        assert backends["default"] is not own
    assert type(backends["default"]) is type(own)


def test_every_alias_of_the_host_is_replaced_by_the_same_dummy(settings: Settings, issue_key: IssueKey) -> None:
    nowhere = {"BACKEND": "tests.nowhere.Backend"}
    models = {"far": {"model": "m", "backend": "far"}, "small": {"model": "s"}}
    settings.THREADLESS = settings.THREADLESS | {"BACKENDS": {"far": nowhere, "default": nowhere}, "MODELS": models}
    client = CompletionClient(issue_key()[1])
    with use_dummy_backend() as backend:
        assert [client.complete(name, "Hi").status_code for name in ("far", "small")] == [200, 200]
    assert [asked.target.id for asked in backend.asked] == ["far", "small"]


def test_client_lists_the_models_of_its_key(issue_key: IssueKey) -> None:
    assert CompletionClient(issue_key()[1]).models() == ["small", "large"]
    assert CompletionClient(issue_key(allowed_models=["large"])[1]).models() == ["large"]


def test_client_without_a_key_is_anonymous(db: None) -> None:
    assert CompletionClient().complete("small", "Hi").status_code == 401


def test_client_keeps_headers_of_the_test(issue_key: IssueKey) -> None:
    response = CompletionClient(issue_key()[1], headers={"X-Request-Id": "mine"}).complete("small", "Hi")
    assert response["x-request-id"] == "mine"


@needs_commits
def test_stream_is_read_to_its_end(issue_key: IssueKey) -> None:
    with use_dummy_backend("One two."):
        fields = {"stream": True, "stream_options": {"include_usage": True}}
        events = read_events(CompletionClient(issue_key()[1]).complete("small", "Hi", **fields))
    assert (events.text, events.finish_reason, events.is_done, events.error) == ("One two.", "stop", True, None)
    assert events.usage is not None
    assert events.usage["total_tokens"] > 0


async def run_async_stream(secret: str) -> Events:
    """One stream through ASGI."""
    client = AsyncCompletionClient(secret, headers={"X-Request-Id": "mine"})
    response = await client.complete("small", "Hi", stream=True)
    assert response["x-request-id"] == "mine"
    return await aread_events(response)


@needs_commits
def test_stream_through_asgi_is_read_to_its_end() -> None:
    _, secret = factories.make_key()
    with use_dummy_backend("One two."):
        events = async_to_sync(run_async_stream)(secret)
        names = async_to_sync(AsyncCompletionClient(secret).models)()
    assert (events.text, events.is_done) == ("One two.", True)
    assert names == ["small", "large"]


def test_failure_within_a_stream_is_not_text() -> None:
    events = read_events(sse(chunk("Half"), {"error": {"message": "Broken.", "code": "upstream_error"}}))
    assert (events.text, events.is_done) == ("Half", False)
    assert events.error is not None
    assert events.error["message"] == "Broken."
    assert events.finish_reason is None


def test_pings_and_other_choices_are_no_text() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "Other"}, "finish_reason": "stop"}]}
    response = sse(chunk(None), other, chunk("Mine", "length"), b"[DONE]")
    response.streaming_content = [b": ping\n", *response]
    events = read_events(response)
    assert (events.text, events.finish_reason, events.pings, events.usage) == ("Mine", "length", 1, None)


def test_what_is_no_event_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="Not an event"):
        read_events(StreamingHttpResponse([b"<html>\n\n"]))


def test_what_is_no_stream_fails_the_test_with_its_body() -> None:
    with pytest.raises(AssertionError, match=r"HTTP 403.*Missing scope"):
        read_events(HttpResponse("Missing scope", status=403))


def test_helpers_need_no_pytest() -> None:
    code = "import sys; sys.modules['pytest'] = None; import threadless.testing"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
