"""The wire contract: answers, streams, errors, and the list of models."""

from __future__ import annotations

from typing import Any

import pytest

from threadless.testing.conformance.installation import Answer, Installation


def test_plain_answer_has_the_fields_of_the_reference(installation: Installation) -> None:
    answer = installation.ask()
    assert answer.status == 200, answer.content
    body, [choice] = answer.body, answer.body["choices"]
    assert (body["object"], body["model"]) == ("chat.completion", installation.model)
    assert body["id"].startswith("chatcmpl-")
    assert isinstance(body["created"], int)
    assert (choice["index"], choice["message"]["role"], choice["finish_reason"]) == (0, "assistant", "stop")
    assert choice["message"]["content"]


def test_plain_answer_has_its_usage(installation: Installation) -> None:
    usage = installation.ask().body["usage"]
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_answer_is_not_kept_by_caches_and_has_the_id_of_its_request(installation: Installation) -> None:
    headers = installation.ask().headers
    assert "no-store" in headers["Cache-Control"]
    assert headers["x-request-id"]


def stream(installation: Installation, **fields: Any) -> tuple[Answer, list[Any]]:
    """A whole stream and its chunks."""
    answer = installation.ask(stream=True, **fields)
    assert answer.status == 200, answer.content
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    *chunks, end = answer.events
    assert end == "[DONE]"
    return answer, chunks


def test_stream_has_one_id_one_finish_reason_and_an_end(installation: Installation) -> None:
    _, chunks = stream(installation)
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {(chunk["object"], chunk["model"]) for chunk in chunks} == {("chat.completion.chunk", installation.model)}
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert choices[0]["delta"]["role"] == "assistant"
    assert "".join(choice["delta"].get("content") or "" for choice in choices)
    assert [choice["finish_reason"] for choice in choices if choice["finish_reason"]] == ["stop"]


def test_stream_has_its_usage_only_if_it_was_asked_for(installation: Installation) -> None:
    _, chunks = stream(installation)
    assert not any(chunk.get("usage") for chunk in chunks)
    _, chunks = stream(installation, stream_options={"include_usage": True})
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["total_tokens"] > 0


INVALID = {
    "no messages": ({"messages": None}, "messages"),
    "an empty conversation": ({"messages": []}, "messages"),
    "no model": ({"model": None}, "model"),
    "a wrong type": ({"temperature": "hot"}, "temperature"),
    "a message without a role": ({"messages": [{"content": "Hello"}]}, "messages[0]"),
}


@pytest.mark.parametrize(("fields", "param"), INVALID.values(), ids=INVALID)
def test_invalid_request_is_refused_with_the_path_of_the_field(
    installation: Installation, fields: dict[str, Any], param: str
) -> None:
    answer = installation.ask(**fields)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert answer.error["param"].startswith(param)
    assert answer.error["message"]


def test_body_that_is_not_json_is_refused(installation: Installation) -> None:
    answer = installation.send("POST", "chat/completions", b"{")
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


def test_compressed_body_is_refused(installation: Installation) -> None:
    answer = installation.send("POST", "chat/completions", b"x", Content_Encoding="gzip")
    assert (answer.status, set(answer.error)) == (415, {"message", "type", "param", "code"})


def test_unknown_path_is_an_error_in_json(installation: Installation) -> None:
    answer = installation.get("no/such/endpoint")
    assert (answer.status, answer.error["type"]) == (404, "invalid_request_error")


def test_model_is_listed_and_can_be_read(installation: Installation) -> None:
    listed = installation.get("models").body
    assert listed["object"] == "list"
    assert installation.model in [model["id"] for model in listed["data"]]
    model = installation.get(f"models/{installation.model}").body
    assert (model["id"], model["object"]) == (installation.model, "model")
