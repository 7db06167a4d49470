"""Plain answers: complete where the upstream's are not, and otherwise as they came."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.bodies import CREATED, ID, USAGE, completion
from tests.support.client import Client, body_of
from tests.support.ledger import Ledger
from tests.support.upstream import ScriptedUpstream
from tests.wire.strict import judge


def answered(client: Client, upstream: ScriptedUpstream, body: dict[str, Any], **fields: Any) -> dict[str, Any]:
    upstream.script(lambda exchange: exchange.answer(body))
    answer: dict[str, Any] = client.post(body_of(**fields)).json()
    return answer


def with_message(reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return completion(choices=[choice])


def test_answer_keeps_id_created_usage_and_text(any_client: Client, upstream: ScriptedUpstream) -> None:
    answer = answered(any_client, upstream, completion("Hello"))
    assert (answer["id"], answer["created"], answer["usage"]) == (ID, CREATED, USAGE)
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Hello", "refusal": None}
    judge(answer)


@pytest.mark.parametrize("name", ["id", "object", "created", "model", "usage"])
@pytest.mark.parametrize("value", [None, "", [], {}, -1, True])
def test_answer_with_a_broken_field_is_mended(
    client: Client, upstream: ScriptedUpstream, name: str, value: Any
) -> None:
    judge(answered(client, upstream, {**completion(), name: value}))


@pytest.mark.parametrize("name", ["id", "object", "created", "model", "usage"])
def test_answer_without_a_field_is_mended(client: Client, upstream: ScriptedUpstream, name: str) -> None:
    body = completion()
    del body[name]
    judge(answered(client, upstream, body))


def test_message_fields_of_the_upstream_are_passed_through(client: Client, upstream: ScriptedUpstream) -> None:
    fields: dict[str, Any] = {
        "content": "x",
        "refusal": "No.",
        "reasoning_content": "because",
        "audio": {"id": "a", "data": "AA", "expires_at": 1, "transcript": "x"},
        "annotations": [],
        "x_provider": {"b": [1.5]},
    }
    message = answered(client, upstream, with_message(**fields))["choices"][0]["message"]
    assert message == {"role": "assistant", **fields}


def test_fields_beside_the_choices_are_passed_through(client: Client, upstream: ScriptedUpstream) -> None:
    details: dict[str, Any] = {
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    extra: dict[str, Any] = {
        "system_fingerprint": "fp",
        "service_tier": "default",
        "x_provider": [1],
        "usage": {**USAGE, **details},
    }
    assert extra.items() <= answered(client, upstream, completion(**extra)).items()


def test_several_choices_and_logprobs_are_kept(client: Client, upstream: ScriptedUpstream) -> None:
    logprobs: dict[str, Any] = {
        "content": [{"token": "x", "logprob": -1.0, "bytes": None, "top_logprobs": []}],
        "refusal": None,
    }
    choices = [
        {
            "index": i,
            "message": {"role": "assistant", "content": str(i)},
            "logprobs": logprobs,
            "finish_reason": "length",
        }
        for i in range(3)
    ]
    answer = answered(client, upstream, completion(choices=choices), n=3)
    assert [(c["index"], c["message"]["content"], c["logprobs"]) for c in answer["choices"]] == [
        (index, str(index), logprobs) for index in range(3)
    ]


CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_tool_calls_are_kept(client: Client, upstream: ScriptedUpstream) -> None:
    choice = answered(client, upstream, with_message("tool_calls", content=None, tool_calls=[CALL]))["choices"][0]
    assert (choice["message"]["tool_calls"], choice["finish_reason"]) == ([CALL], "tool_calls")


@pytest.mark.parametrize(
    "given",
    [
        {"function": {"name": "f", "arguments": {}}},
        {"id": None, "type": None, "function": {"name": "f", "arguments": "{}"}},
        {"id": "", "index": 0, "function": {"name": "f", "arguments": {}}},
        {"id": 7, "type": "function", "function": {"name": "f", "arguments": "{}"}},
    ],
)
def test_tool_call_that_lacks_something_is_mended(
    client: Client, upstream: ScriptedUpstream, given: dict[str, Any]
) -> None:
    answer = answered(client, upstream, with_message("stop", content=None, tool_calls=[given]))
    judge(answer)
    (call,) = answer["choices"][0]["message"]["tool_calls"]
    assert call["function"] == {"name": "f", "arguments": "{}"}
    assert answer["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("calls", [None, [], {}, "x", [1]])
def test_tool_calls_that_are_none_are_left_out(client: Client, upstream: ScriptedUpstream, calls: Any) -> None:
    choice = answered(client, upstream, with_message("stop", content="x", tool_calls=calls))["choices"][0]
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "stop"


@pytest.mark.parametrize("message", [None, "x", [], {}, {"role": "bot", "content": None}])
def test_message_that_is_broken_is_mended(client: Client, upstream: ScriptedUpstream, message: Any) -> None:
    choice = {"index": "x", "message": message, "finish_reason": None}
    judge(answered(client, upstream, completion(choices=[choice])))


def test_answer_of_5_mb_passes(any_client: Client, upstream: ScriptedUpstream) -> None:
    text = "ü" * (5 << 20)
    assert answered(any_client, upstream, completion(text))["choices"][0]["message"]["content"] == text


def test_missing_usage_is_estimated_and_flagged(client: Client, upstream: ScriptedUpstream, ledger: Ledger) -> None:
    upstream.script(lambda exchange: exchange.answer(completion("Hello there", usage=None)))
    reply = client.post()
    usage = reply.json()["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    assert ledger.settled_row(reply.headers["x-request-id"])["usage_source"] == "estimated"
