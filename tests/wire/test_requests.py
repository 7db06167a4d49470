"""What a client may ask, what is said of what it may not, and what of it reaches the upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.upstream import ScriptedUpstream
from tests.wire.client import Client, body_of

CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}

GOOD_FIELDS: dict[str, list[Any]] = {
    "stream": [False, None],
    "stream_options": [None],
    "tools": [[TOOL], [], None, [{"type": "custom", "custom": {"name": "x", "format": {"type": "text"}}}]],
    "parallel_tool_calls": [True, False, None],
    "temperature": [0, 1, 2, 0.25, None],
    "top_p": [0, 1, 0.5, None],
    "n": [1, 128, None],
    "stop": ["x", ["a", "b"], None, ""],
    "max_tokens": [1, 100_000, None],
    "max_completion_tokens": [1, None],
    "seed": [0, -1, 2**63, None],
    "presence_penalty": [-2, 2, 0.5, None],
    "frequency_penalty": [-2, 2, None],
    "logit_bias": [{"50256": -100}, {}, None, {"1": 0.5}],
    "logprobs": [True, None],
    "top_logprobs": [0, 20, None],
    "response_format": [
        *({"type": "text"}, {"type": "json_object"}, None),
        {"type": "json_schema", "json_schema": {"name": "x", "schema": {}, "strict": None, "description": None}},
    ],
    "reasoning_effort": ["none", "minimal", "low", "high", "xhigh", None],
    "verbosity": ["low", None],
    "modalities": [["text", "audio"], None],
    "audio": [{"voice": "alloy", "format": "wav"}, {"voice": {"id": "v"}, "format": "mp3"}, None],
    "prediction": [
        {"type": "content", "content": "x"},
        {"type": "content", "content": [{"type": "text", "text": "x"}]},
    ],
    "service_tier": ["auto", "flex", None],
    "store": [True, None],
    "metadata": [{"a": "b"}, {}, None],
    "user": ["u", None],
    "safety_identifier": ["s", None],
    "prompt_cache_key": ["k", None],
    "prompt_cache_retention": ["24h", None],
    "prompt_cache_options": [{"mode": "explicit", "ttl": "30m"}, {}, None],
    "moderation": [{"model": "omni-moderation-latest"}, None],
    "web_search_options": [{}, {"search_context_size": "low", "user_location": {"type": "approximate"}}, None],
    "functions": [[{"name": "add"}], None, [{"name": "add", "description": None, "parameters": None}]],
    "function_call": ["auto", "none", {"name": "add"}, None],
    "tool_choice": ["none", "auto", None],
}

BAD_FIELDS: dict[str, list[tuple[Any, str]]] = {
    "model": [(1, "model"), (None, "model"), ([], "model"), ("", "model")],
    "messages": [("x", "messages"), ({}, "messages"), (None, "messages"), ([], "messages"), ([1], "messages[0]")],
    "stream": [("true", "stream"), (1, "stream"), ([], "stream")],
    "stream_options": [
        *((1, "stream_options"), ([], "stream_options")),
        ({"include_usage": "yes"}, "stream_options.include_usage"),
        ({"include_obfuscation": 1}, "stream_options.include_obfuscation"),
    ],
    "tools": [
        *(({}, "tools"), ("x", "tools"), ([1], "tools[0]"), ([{}], "tools[0].type")),
        ([TOOL, {"type": "function"}], "tools[1].function"),
        ([{"type": "function", "function": {}}], "tools[0].function.name"),
        ([{"type": "function", "function": {"name": 1}}], "tools[0].function.name"),
        ([{"type": "function", "function": {"name": "x", "parameters": []}}], "tools[0].function.parameters"),
        ([{"type": "function", "function": {"name": "x", "strict": "y"}}], "tools[0].function.strict"),
        ([{"type": "function", "function": {"name": "x", "description": 1}}], "tools[0].function.description"),
        ([{"type": "custom"}], "tools[0].custom"),
        ([{"type": "custom", "custom": {"name": ""}}], "tools[0].custom.name"),
    ],
    "tool_choice": [
        *((1, "tool_choice"), ([], "tool_choice"), ("always", "tool_choice"), ("required", "tool_choice")),
        *(({}, "tool_choice.type"), ({"type": "function", "function": {"name": "nothing"}}, "tool_choice")),
        ({"type": "function", "function": {}}, "tool_choice.function.name"),
    ],
    "parallel_tool_calls": [("no", "parallel_tool_calls"), (0, "parallel_tool_calls")],
    "temperature": [("hot", "temperature"), (2.1, "temperature"), (-0.1, "temperature"), (True, "temperature")],
    "top_p": [("x", "top_p"), (1.1, "top_p"), (-1, "top_p")],
    "n": [("1", "n"), (0, "n"), (129, "n"), (1.5, "n"), (True, "n")],
    "stop": [(1, "stop"), ([1], "stop[0]"), ({}, "stop"), (["a", None], "stop[1]")],
    "max_tokens": [("1", "max_tokens"), (0, "max_tokens"), (-5, "max_tokens"), (1.5, "max_tokens")],
    "max_completion_tokens": [("1", "max_completion_tokens"), (0, "max_completion_tokens")],
    "seed": [("1", "seed"), (1.5, "seed")],
    "presence_penalty": [("x", "presence_penalty"), (2.5, "presence_penalty"), (-3, "presence_penalty")],
    "frequency_penalty": [("x", "frequency_penalty"), (2.5, "frequency_penalty")],
    "logit_bias": [([], "logit_bias"), ({"1": "x"}, "logit_bias"), ("x", "logit_bias")],
    "logprobs": [(1, "logprobs"), ("true", "logprobs")],
    "top_logprobs": [(21, "top_logprobs"), (-1, "top_logprobs"), ("1", "top_logprobs")],
    "response_format": [
        *(("json", "response_format"), ({}, "response_format.type"), ({"type": "xml"}, "response_format.type")),
        ({"type": "json_schema"}, "response_format.json_schema"),
        ({"type": "json_schema", "json_schema": {}}, "response_format.json_schema.name"),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": 1}}, "response_format.json_schema.schema"),
    ],
    "reasoning_effort": [(1, "reasoning_effort")],
    "verbosity": [(1, "verbosity")],
    "modalities": [("text", "modalities"), ([1], "modalities[0]")],
    "audio": [("x", "audio"), ({"format": "wav"}, "audio.voice"), ({"voice": "x"}, "audio.format")],
    "prediction": [
        ("x", "prediction"),
        ({"content": "x"}, "prediction.type"),
        ({"type": "content"}, "prediction.content"),
    ],
    "service_tier": [(1, "service_tier")],
    "store": [("yes", "store")],
    "metadata": [([], "metadata"), ({"a": 1}, "metadata")],
    "user": [(1, "user"), ({}, "user")],
    "safety_identifier": [(1, "safety_identifier")],
    "prompt_cache_key": [(1, "prompt_cache_key")],
    "prompt_cache_retention": [(1, "prompt_cache_retention")],
    "prompt_cache_options": [("x", "prompt_cache_options"), ({"mode": 1}, "prompt_cache_options.mode")],
    "moderation": [("x", "moderation"), ({}, "moderation.model")],
    "web_search_options": [
        (True, "web_search_options"),
        ({"search_context_size": 1}, "web_search_options.search_context_size"),
        ({"user_location": "Berlin"}, "web_search_options.user_location"),
    ],
    "functions": [
        ({}, "functions"),
        ([{}], "functions[0].name"),
        ([{"name": "a"}, {"name": "a"}], "functions[1].name"),
    ],
    "function_call": [(1, "function_call"), ("always", "function_call"), ({}, "function_call.name")],
}

BAD_MESSAGES: list[tuple[Any, str]] = [
    *(
        (1, ""),
        (None, ""),
        ({}, ".role"),
        ({"role": 1, "content": "x"}, ".role"),
        ({"role": "bot", "content": "x"}, ".role"),
    ),
    *(({"role": role}, ".content") for role in ("system", "developer", "user", "assistant", "tool")),
    *(({"role": role, "content": 1}, ".content") for role in ("system", "developer", "user", "assistant", "function")),
    *(({"role": role, "content": None}, ".content") for role in ("system", "user", "assistant")),
    *(({"role": "user", "content": []}, ".content"), ({"role": "user", "content": {}}, ".content")),
    *(({"role": "user", "content": ["x"]}, ".content[0]"), ({"role": "user", "content": [{}]}, ".content[0].type")),
    ({"role": "user", "content": [{"type": "text"}]}, ".content[0].text"),
    ({"role": "user", "content": [{"type": "text", "text": 1}]}, ".content[0].text"),
    ({"role": "user", "content": [{"type": "text", "text": None}]}, ".content[0].text"),
    ({"role": "user", "content": [{"type": "image_url"}]}, ".content[0].image_url"),
    ({"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}, ".content[0].image_url"),
    ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, ".content[0].image_url.url"),
    ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": 1}}]}, ".content[0].image_url.url"),
    ({"role": "user", "content": [{"type": "input_audio"}]}, ".content[0].input_audio"),
    (
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": ""}}]},
        ".content[0].input_audio.format",
    ),
    ({"role": "user", "content": [{"type": "file"}]}, ".content[0].file"),
    ({"role": "user", "content": [{"type": "file", "file": {"file_id": 1}}]}, ".content[0].file.file_id"),
    ({"role": "assistant", "content": [{"type": "refusal"}]}, ".content[0].refusal"),
    *(({"role": "user", "content": "x", "name": 1}, ".name"), ({"role": "function", "content": "x"}, ".name")),
    ({"role": "assistant", "content": None, "tool_calls": {}}, ".tool_calls"),
    ({"role": "assistant", "content": None, "tool_calls": []}, ".content"),
    ({"role": "assistant", "tool_calls": [{"function": {}}]}, ".tool_calls[0].id"),
    ({"role": "assistant", "tool_calls": [{"id": 1}]}, ".tool_calls[0].id"),
    ({"role": "assistant", "tool_calls": [{"id": "a", "type": "function"}]}, ".tool_calls[0].function"),
    ({"role": "assistant", "tool_calls": [{"id": "a", "function": {}}]}, ".tool_calls[0].function.name"),
    (
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "x", "arguments": {}}}]},
        ".tool_calls[0].function.arguments",
    ),
    ({"role": "assistant", "function_call": {"name": "x"}}, ".function_call.arguments"),
    ({"role": "assistant", "audio": {}}, ".audio.id"),
    *(
        ({"role": "tool", "content": "x"}, ".tool_call_id"),
        ({"role": "tool", "content": "x", "tool_call_id": 1}, ".tool_call_id"),
    ),
    ({"role": "tool", "content": "x", "tool_call_id": ""}, ".tool_call_id"),
]


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
    assert param in reply.error["message"]
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


GOOD_MESSAGES: list[list[dict[str, Any]]] = [
    [{"role": "system", "content": "Only this."}],
    [{"role": "developer", "content": "Only this."}],
    [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "The answer is"}],
    [{"role": "user", "content": "Hi", "name": None}, {"role": "assistant", "content": "", "refusal": None}],
    [{"role": "assistant", "content": "x", "tool_calls": None, "function_call": None, "audio": None, "name": None}],
    [{"role": "assistant", "content": [{"type": "text", "text": "x"}, {"type": "refusal", "refusal": "no"}]}],
    [{"role": "assistant", "content": None, "refusal": "No."}],
    [{"role": "assistant", "audio": {"id": "audio_1"}}],
    [{"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}],
    [{"role": "function", "name": "f", "content": None}],
    [{"role": "system", "content": [{"type": "text", "text": "x"}]}],
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": None}}]}],
    [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}]}],
    [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f", "filename": None}}]}],
    [{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "x"}, "cache_control": {"type": "e"}}]}],
    [{"role": "user", "content": "🙂 \u0085 \u2028 ẞ \U0010ffff"}],
    [{"role": "user", "content": ""}],
    [
        {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "call_2", "index": 1}]},
        {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "2"}], "name": "add"},
        {"role": "tool", "tool_call_id": "call_1", "content": ""},
        {"role": "user", "content": "And?"},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "1"},
    ],
    [
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "x", "input": "y"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "z"},
    ],
]


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
