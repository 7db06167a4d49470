"""What a client may ask, what is said of what it may not, and what of it reaches the upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.client import Client, body_of
from tests.support.upstream import ScriptedUpstream
from tests.wire.request_cases import BAD_FIELDS, BAD_MESSAGES, CALL, GOOD_FIELDS, GOOD_MESSAGES, TOOL


@pytest.mark.parametrize(
    ("field", "value"), [(name, value) for name, values in GOOD_FIELDS.items() for value in values]
)
def test_field_of_the_right_type_reaches_the_upstream(
    client: Client, upstream: ScriptedUpstream, field: str, value: Any
) -> None:
    assert client.post(body_of(**{field: value})).status == 200
    assert upstream.exchanges[0].body[field] == value


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [(name, value, param) for name, values in BAD_FIELDS.items() for value, param in values],
)
def test_field_of_a_wrong_type_is_refused_by_name(
    client: Client, upstream: ScriptedUpstream, field: str, value: Any, param: str
) -> None:
    reply = client.post(body_of(**{field: value}))
    assert (reply.status, reply.error["type"], reply.error["param"]) == (400, "invalid_request_error", param)
    assert reply.error["code"] in {"invalid_type", "invalid_value", "missing_required_parameter"}
    assert param.split("[", maxsplit=1)[0] in reply.error["message"]
    assert not upstream.exchanges


@pytest.mark.parametrize(("message", "path"), BAD_MESSAGES)
def test_message_that_is_wrong_is_refused_by_its_path(client: Client, message: Any, path: str) -> None:
    reply = client.post(body_of(messages=[{"role": "user", "content": "Hi"}, message]))
    assert (reply.status, reply.error["param"]) == (400, f"messages[1]{path}")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"messages": [{"role": "user", "content": "Hi"}]}, "model", "missing_required_parameter"),
        ({"model": "small"}, "messages", "missing_required_parameter"),
        (body_of(temperature="hot"), "temperature", "invalid_type"),
        (body_of(temperature=9), "temperature", "invalid_value"),
        (body_of(messages=[{"role": 1}]), "messages[0].role", "invalid_type"),
        (body_of(messages=[{"role": "bot"}]), "messages[0].role", "invalid_value"),
        (body_of(messages=[{"role": "assistant"}]), "messages[0].content", "missing_required_parameter"),
        (body_of(messages=[{"role": "assistant", "content": None}]), "messages[0].content", "invalid_type"),
    ],
)
def test_code_of_a_refusal_tells_what_is_wrong(client: Client, body: Any, param: str, code: str) -> None:
    error = client.post(body).error
    assert (error["param"], error["code"]) == (param, code)


@pytest.mark.parametrize("messages", GOOD_MESSAGES)
def test_messages_that_are_right_reach_the_upstream_unchanged(
    client: Client, upstream: ScriptedUpstream, messages: Any
) -> None:
    assert client.post(body_of(messages=messages)).status == 200
    assert upstream.exchanges[0].body["messages"][1:] == messages  # the first is the host's own rule


ASKED = {"role": "assistant", "content": None, "tool_calls": [CALL]}
ANSWER = {"role": "tool", "tool_call_id": "call_1", "content": "3"}
USER = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("messages", "index", "call_id"),
    [
        ([USER, ANSWER], 1, "call_1"),
        ([ANSWER], 0, "call_1"),
        ([ASKED, {**ANSWER, "tool_call_id": "call_9"}], 1, "call_9"),
        ([ASKED, ANSWER, ANSWER], 2, "call_1"),
        ([ASKED, ANSWER, USER, ANSWER], 3, "call_1"),
        ([ASKED, USER, ANSWER], 0, "call_1"),
        ([USER, ASKED], 1, "call_1"),
        ([USER, ASKED, USER], 1, "call_1"),
        ([{**ASKED, "tool_calls": [CALL, {**CALL, "id": "call_2"}]}, ANSWER], 0, "call_2"),
        ([{**ASKED, "tool_calls": [CALL, CALL]}, ANSWER, ANSWER], 0, "call_1"),
        ([ASKED, {"role": "assistant", "content": "x"}, ANSWER], 0, "call_1"),
    ],
)
def test_tool_history_that_is_broken_is_refused_with_index_and_id(
    client: Client, upstream: ScriptedUpstream, messages: Any, index: int, call_id: str
) -> None:
    reply = client.post(body_of(messages=messages))
    assert (reply.status, reply.error["code"]) == (400, "invalid_value")
    assert reply.error["param"].startswith(f"messages[{index}]")
    assert f"messages[{index}]" in reply.error["message"]
    assert call_id in reply.error["message"]
    assert not upstream.exchanges


def test_two_tools_of_one_name_are_refused(client: Client) -> None:
    error = client.post(body_of(tools=[TOOL, TOOL])).error
    assert (error["param"], "add" in error["message"]) == ("tools[1].function.name", True)


def test_too_many_messages_are_refused(client: Client) -> None:
    assert client.post(body_of(messages=[USER] * 4096)).status == 200
    reply = client.post(body_of(messages=[USER] * 4097))
    assert (reply.status, reply.error["param"]) == (400, "messages")


def test_nesting_within_the_limit_passes(client: Client, upstream: ScriptedUpstream) -> None:
    body = json.dumps(body_of()).encode()[:-1] + b', "x": ' + b"[" * 99 + b"]" * 99 + b"}"
    assert client.post(body).status == 200
    assert b"[" * 99 in upstream.exchanges[0].raw_body


UNTOUCHED = [
    b"12345678901234567890123456789",
    b"0.1234567890123456789012345678901234567890",
    b"1e-400",
    b"1.50",
    b"-0.0",
    b"1E+2",
    b"9" * 4000,
    b'{"z": 1, "a": {"y": 2, "b": 3}, "": null}',
    '"ünï\\u00e7ode 🙂 \\ud83d\\ude00 \\/ \\n"'.encode(),
    b"[1,  2 ,\t3]",
    b'"\x7f"',
    b"null",
    b"true",
]


@pytest.mark.parametrize("value", UNTOUCHED, ids=lambda value: value[:20].decode())
@pytest.mark.parametrize("stream", [b"true", b"false"])
def test_unknown_field_reaches_the_upstream_byte_for_byte(
    client: Client, upstream: ScriptedUpstream, value: bytes, stream: bytes
) -> None:
    body = b'{"stream": %b, %b, "provider_extra": %b}' % (stream, json.dumps(body_of()).encode()[1:-1], value)
    assert client.post(body).status == 200
    assert b'"provider_extra":' + value in upstream.exchanges[0].raw_body.replace(
        b'"provider_extra": ', b'"provider_extra":'
    )


def test_messages_keep_their_unknown_fields_byte_for_byte(client: Client, upstream: ScriptedUpstream) -> None:
    message = b'{"x": 12345678901234567890.10,  "role":"user" ,"content":"\\u00fc"}'
    assert client.post(b'{"model": "small", "messages": [%b]}' % message).status == 200
    assert message in upstream.exchanges[0].raw_body


def test_stream_options_keep_what_the_client_sent(client: Client, upstream: ScriptedUpstream) -> None:
    body = (
        b'{"stream": true, "stream_options": {"x": 1.10, "include_obfuscation": false}, %b'
        % json.dumps(body_of()).encode()[1:]
    )
    assert client.post(body).status == 200
    sent = upstream.exchanges[0].raw_body
    assert b"1.10" in sent
    assert upstream.exchanges[0].body["stream_options"] == {
        "x": 1.1,
        "include_obfuscation": False,
        "include_usage": True,
    }


def test_model_goes_upstream_under_its_private_name_and_comes_back_public(
    client: Client, upstream: ScriptedUpstream
) -> None:
    assert client.post().json()["model"] == "small"
    assert upstream.exchanges[0].body["model"] == "private-deployment-7"


def test_nothing_is_added_to_a_plain_call_but_the_hosts_own_rule(client: Client, upstream: ScriptedUpstream) -> None:
    client.post(body_of(temperature=0.5))
    sent = upstream.exchanges[0].body
    assert sent["messages"].pop(0)["role"] == "system"
    assert sent == {**body_of(temperature=0.5), "model": "private-deployment-7"}


@pytest.mark.parametrize("path", ["chat/completions", "chat/completions/", "chats/completions", "chats/completions/"])
def test_path_in_each_spelling_answers_without_a_redirect(client: Client, path: str) -> None:
    assert client.post(path=f"/api/v1/{path}").json()["object"] == "chat.completion"


@pytest.mark.parametrize("model", ["nothing", "private-deployment-7", "SMALL", " small", "agent-0", "😀", "x" * 10_000])
def test_model_that_is_unknown_is_a_404(client: Client, model: str) -> None:
    reply = client.post(body_of(model=model))
    assert (reply.status, reply.error["type"]) == (404, "invalid_request_error")
    assert (reply.error["code"], reply.error["param"]) == ("model_not_found", "model")
