"""The request validator: an accepted request or a refusal in the form of the API, for any bytes."""

from __future__ import annotations

import json
import tracemalloc
from pprint import pformat
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from tests.wire.request_cases import BAD_FIELDS, GOOD_FIELDS, GOOD_MESSAGES
from threadless.completions.fields import Fields
from threadless.completions.parse import ParsedBody, parse
from threadless.completions.tools import check_tools
from threadless.dialects.base import error_body
from threadless.exceptions import APIError, InvalidRequest
from threadless.types import Completion, Target

SCALARS = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just("\0"), st.just("\ud800")),
    st.sampled_from([1e308, 10**400, -1, 0, "", "function", "auto", "user", "call_1"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=8,
)
GOOD_VALUES = {name: st.sampled_from(values) for name, values in GOOD_FIELDS.items()}
MESSAGES = st.sampled_from(GOOD_MESSAGES)
BODIES = st.fixed_dictionaries(
    {"model": st.one_of(st.just("small"), JSON), "messages": st.one_of(MESSAGES, st.lists(JSON, max_size=3))},
    optional={name: st.one_of(values, JSON) for name, values in GOOD_VALUES.items()} | {"x_provider": JSON},
)


def judge(body: bytes) -> APIError | None:
    """None for an accepted request; any exception but a refusal fails the test."""
    try:
        parsed = parse(body)
        check_tools(parsed.typed, Target(id="small", model="m"))
    except APIError as error:
        refusal = error
    else:
        assert set(parsed.raw) == set(json.loads(body))
        return None
    assert refusal.status_code == 400
    told = error_body(refusal)["error"]
    assert set(told) == {"message", "type", "param", "code"}
    json.dumps(told, ensure_ascii=False).encode()  # no half of a surrogate pair comes back
    return refusal


def mutated(body: Any, path: list[int], value: Any) -> Any:
    """The body with one value somewhere inside it replaced."""
    if not path or not isinstance(body, dict | list) or not body:
        return value
    keys = list(body) if isinstance(body, dict) else list(range(len(body)))
    key = keys[path[0] % len(keys)]
    copy: Any = body.copy()
    copy[key] = mutated(body[key], path[1:], value)
    return copy


@settings(max_examples=300)
@given(BODIES)
def test_any_object_is_accepted_or_refused(body: Any) -> None:
    judge(json.dumps(body).encode())


@settings(max_examples=300)
@given(MESSAGES, st.lists(st.integers(0, 20), max_size=6), JSON)
def test_any_mutation_of_good_messages_is_accepted_or_refused(messages: Any, path: list[int], value: Any) -> None:
    judge(json.dumps(mutated({"model": "small", "messages": messages}, path, value)).encode())


@settings(max_examples=300)
@given(st.sampled_from(GOOD_MESSAGES), st.integers(0), st.integers(0, 255), st.integers(0, 3))
def test_any_damage_to_the_bytes_is_accepted_or_refused(messages: Any, place: int, byte: int, cut: int) -> None:
    body = bytearray(json.dumps({"model": "small", "messages": messages}, ensure_ascii=False).encode())
    place %= len(body)
    body[place : place + cut] = bytes([byte])
    judge(bytes(body))


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(body: bytes) -> None:
    assert judge(body) is not None


@given(st.fixed_dictionaries({}, optional=GOOD_VALUES), MESSAGES)
def test_any_good_fields_together_are_accepted(fields: dict[str, Any], messages: Any) -> None:
    fields.pop("tool_choice", None)
    tools = fields.get("tools") or []
    if len({tool.get("function", {}).get("name") for tool in tools} & {"add"}) and fields.get("functions"):
        del fields["functions"]  # would have the tool's name
    assert judge(json.dumps({"model": "small", "messages": messages, **fields}).encode()) is None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"a": "b", "c": None}}, "metadata.c"),
        ({"metadata": {"a b": ["c"]}}, "metadata.a b"),
        ({"metadata": {"a\nb": 1}}, "metadata"),
        ({"metadata": {"a" * 100: 1}}, "metadata." + "a" * 64),
        ({"logit_bias": {"1": 2, "50256": "x"}}, "logit_bias.50256"),
        ({"stream_options": {"continuous_usage_stats": True}}, "stream_options.continuous_usage_stats"),
    ],
)
def test_refusal_names_the_key(fields: dict[str, Any], param: str) -> None:
    body = {"model": "small", "messages": [{"role": "user", "content": "x"}], **fields}
    refusal = judge(json.dumps(body).encode())
    assert refusal is not None
    assert refusal.param == param


@pytest.mark.parametrize("value", [False, None])
def test_option_for_usage_in_every_chunk_may_be_off(value: bool | None) -> None:
    options = {"include_usage": True, "continuous_usage_stats": value}
    body = {"model": "small", "messages": [{"role": "user", "content": "x"}], "stream_options": options}
    assert judge(json.dumps(body).encode()) is None


def test_every_field_has_good_and_bad_cases() -> None:
    assert set(BAD_FIELDS) == set(Fields.__struct_fields__)
    assert set(GOOD_FIELDS) == set(Fields.__struct_fields__) - {"model", "messages"}


def test_every_field_of_the_sdk_is_known() -> None:
    assert set(CompletionCreateParamsBase.__annotations__) <= set(Fields.__struct_fields__)


@pytest.mark.parametrize("fields", [{"tools": [{"type": "function", "function": {"name": "search"}}]}])
def test_name_of_an_agents_own_tool_is_taken(fields: dict[str, Any]) -> None:
    target = Target(id="agent-1", model="m", tools=[{"type": "function", "function": {"name": "search"}}])
    parsed = parse(json.dumps({"model": "small", "messages": [{"role": "user", "content": "x"}], **fields}).encode())
    with pytest.raises(APIError, match="'search'") as refusal:
        check_tools(parsed.typed, target)
    assert refusal.value.param == "tools[0].function.name"


SECRET = "The text of a person"


@pytest.fixture
def parsed() -> ParsedBody:
    """A body that holds a text in every kind of field."""
    call = {"id": "c", "function": {"name": "f", "arguments": SECRET}}
    messages = [
        {"role": "system", "content": SECRET},
        {"role": "user", "content": [{"type": "text", "text": SECRET}]},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": SECRET},
    ]
    fields = {"user": SECRET, "metadata": {"note": SECRET}, "tools": [{"type": "x", "function": {"name": SECRET}}]}
    return parse(json.dumps({"model": "small", "messages": messages, "x": SECRET, **fields}).encode())


@pytest.mark.parametrize("name", ["raw", "typed", None])
def test_representation_shows_no_text(parsed: ParsedBody, name: str | None) -> None:
    value = getattr(parsed, name) if name else parsed
    assert SECRET not in repr(value) + pformat(value, width=20)


def test_representation_of_messages_and_tools_shows_no_text(parsed: ParsedBody) -> None:
    assert SECRET not in repr([parsed.typed.messages, parsed.typed.tools])


def test_representation_of_a_request_and_an_answer_shows_no_text(parsed: ParsedBody) -> None:
    request, answer = parsed.request("req_1"), Completion.from_text(SECRET)
    assert SECRET not in repr(request) + repr(answer) + pformat([request, answer], width=20)
    assert "req_1" in repr(request)


def test_fields_for_the_backend_are_no_copy_of_the_body() -> None:
    content = "x" * (4 << 20)
    body = json.dumps({"model": "small", "messages": [{"role": "user", "content": content}]}).encode()
    tracemalloc.start()
    try:
        raw = parse(body).raw
        assert tracemalloc.get_traced_memory()[0] < len(body) // 4
    finally:
        tracemalloc.stop()
    assert len(bytes(raw["messages"])) > len(content)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": [{"role": "z" * 10_000, "content": "x"}]}, "messages[0].role"),
        ({"function_call": "z" * 10_000}, "function_call"),
        ({"tool_choice": "z" * 10_000}, "tool_choice"),
    ],
)
def test_refusal_of_a_long_value_is_short(fields: dict[str, Any], param: str) -> None:
    body = {"model": "small", "messages": [{"role": "user", "content": "x"}], **fields}
    with pytest.raises(InvalidRequest) as refusal:
        parse(json.dumps(body).encode())
    assert refusal.value.param == param
    assert len(refusal.value.message) < 400


def test_unknown_role_is_refused_with_those_that_exist() -> None:
    refusal = judge(b'{"model": "small", "messages": [{"role": "robot", "content": "Hi"}]}')
    assert refusal is not None
    assert refusal.param == "messages[0].role"
    assert "'robot'. Supported values are: 'assistant', 'developer'," in refusal.message


def test_empty_list_of_messages_is_refused_in_words() -> None:
    refusal = judge(b'{"model": "small", "messages": []}')
    assert refusal is not None
    assert refusal.message == "Invalid value for 'messages': expected an array that is not empty."
