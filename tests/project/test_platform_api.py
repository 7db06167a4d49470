"""The platform's own API keeps its own format beside threadless."""

from __future__ import annotations

from typing import Any

from django.test import Client

from project.chats.models import Chat
from tests.project.platform import Platform
from tests.support.upstream import ScriptedUpstream
from threadless.models import UsageRecord


def problems(response: Any) -> list[tuple[str | None, str]]:
    """The body of a refusal."""
    assert list(response.json()) == ["problems"]
    return [(problem["field"], problem["code"]) for problem in response.json()["problems"]]


def test_chat_is_created_and_listed(page: Client, upstream: ScriptedUpstream) -> None:
    created = page.post("/platform/api/chats/", {"assistant": "small", "title": "Mine"})
    assert created.status_code == 201
    assert [chat["title"] for chat in page.get("/platform/api/chats/").json()] == ["Mine"]


def test_message_is_answered_with_the_assistants(page: Client, platform: Platform, upstream: ScriptedUpstream) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="small")
    response = page.post(f"/platform/api/chats/{chat.pk}/messages/", {"content": "Hello"})
    assert response.json()["role"] == "assistant"
    assert "Hello there" in response.json()["content"]


def test_messages_of_a_chat_are_listed(page: Client, platform: Platform) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="small")
    chat.messages.create(role="user", content="Hello")
    assert [m["content"] for m in page.get(f"/platform/api/chats/{chat.pk}/messages/").json()] == ["Hello"]


def test_invalid_field_is_a_problem_of_that_field(page: Client, upstream: ScriptedUpstream) -> None:
    response = page.post("/platform/api/chats/", {"assistant": "nobody"})
    assert (response.status_code, problems(response)) == (400, [("assistant", "unknown_assistant")])


def test_anonymous_request_is_a_problem_without_a_field(client: Client, db: None) -> None:
    response = client.get("/platform/api/chats/")
    assert (response.status_code, problems(response)) == (403, [(None, "not_authenticated")])


def test_unknown_chat_is_a_problem_without_a_field(page: Client) -> None:
    response = page.get("/platform/api/chats/0/messages/")
    assert (response.status_code, problems(response)) == (404, [(None, "not_found")])


def test_missing_answer_is_a_problem_without_a_field(page: Client, platform: Platform, no_upstream: None) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="small")
    response = page.post(f"/platform/api/chats/{chat.pk}/messages/", {"content": "Hello"})
    assert (response.status_code, problems(response)) == (502, [(None, "assistant_unavailable")])


def test_regular_chat_is_metered_like_calls_of_the_api(
    page: Client, platform: Platform, upstream: ScriptedUpstream
) -> None:
    chat = Chat.objects.create(user=platform.member, assistant="small")
    page.post(f"/platform/api/chats/{chat.pk}/messages/", {"content": "Hello"})
    record = UsageRecord.objects.get()
    assert (record.operation, record.state, record.user_id, record.key_id) == (
        "host-chat",
        "completed",
        platform.member.pk,
        "",
    )
    assert record.account == str(platform.organisation.pk)
    assert (record.prompt_tokens or 0) > 0


def test_browsable_api_is_on(page: Client) -> None:
    response = page.get("/platform/api/chats/", headers={"Accept": "text/html"})
    assert "Django REST framework" in response.text


def test_threadless_errors_are_not_in_the_platforms_format(client: Client, db: None) -> None:
    body = client.post("/api/v1/chat/completions", {}, content_type="application/json").json()
    assert set(body["error"]) == {"message", "type", "param", "code"}
