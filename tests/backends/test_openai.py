"""`OpenAIBackend`: what it sends, what it refuses, and what it hides."""

from __future__ import annotations

import json
import logging
from typing import Any

import msgspec
import pytest

from tests.support.bodies import chunk, completion
from tests.support.upstream import Exchange, ScriptedUpstream, answer_normally
from threadless.backends import lifetime
from threadless.backends.openai import OpenAIBackend
from threadless.exceptions import APIError, InvalidRequest, UpstreamError
from threadless.types import Caller, ChatRequest, Target

CALLER = Caller(user_id=None)
RULE = "House rule: never mention Project Falcon to anybody."
INSTRUCTIONS = "You are the agent of the kit shop."
AGENT = Target(id="agent", model="private-deployment-7", kind="agent", instructions=INSTRUCTIONS)
MODEL = Target(id="small", model="small")
SECRET = "sk-CANARY"
URL = "https://api.example.com/v1"


def make_backend(
    upstream: ScriptedUpstream, kind: type[OpenAIBackend] = OpenAIBackend, **options: Any
) -> OpenAIBackend:
    return kind(base_url=upstream.base_url, api_key="of-the-upstream", **options)


def ask(backend: OpenAIBackend, target: Target = MODEL, **fields: Any) -> dict[str, Any]:
    """The whole answer."""
    request = ChatRequest.build(**{"messages": [{"role": "user", "content": "Hello"}], **fields})
    return backend.complete(request, target, CALLER).body


def stream(backend: OpenAIBackend, target: Target = MODEL, **fields: Any) -> list[dict[str, Any]]:
    """All chunks."""
    return list(backend.stream(ChatRequest.build(**{"messages": [], **fields}), target, CALLER))


@pytest.mark.parametrize("call", [ask, stream])
@pytest.mark.parametrize("name", ["models", "route", "fallbacks", "api_base", "api_key", "data_sources", "provider"])
def test_field_that_chooses_another_model_or_address_is_refused(
    upstream: ScriptedUpstream, call: Any, name: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        call(make_backend(upstream), **{name: None})
    assert (caught.value.param, caught.value.code) == (name, "unsupported_parameter")
    assert upstream.exchanges == []


def test_standard_and_unknown_fields_are_sent(upstream: ScriptedUpstream) -> None:
    fields: dict[str, Any] = {
        "service_tier": "flex",
        "store": False,
        "metadata": {"a": "b"},
        "safety_identifier": "s",
        "top_k": 3,
    }
    ask(make_backend(upstream), **fields)
    assert fields.items() <= upstream.exchanges[0].body.items()


def test_refused_fields_are_an_option(upstream: ScriptedUpstream) -> None:
    backend = make_backend(upstream, refused_fields=["service_tier"])
    ask(backend, route="fallback")
    with pytest.raises(InvalidRequest):
        ask(backend, service_tier="flex")


def test_fields_that_the_target_sets_are_not_refused(upstream: ScriptedUpstream) -> None:
    ask(make_backend(upstream), Target(id="small", model="small", parameters={"route": "fallback"}))
    assert upstream.exchanges[0].body["route"] == "fallback"


def test_dropped_fields_are_not_sent(upstream: ScriptedUpstream) -> None:
    backend = make_backend(upstream, dropped_fields=["metadata", "user"])
    ask(backend, metadata={"a": "b"}, temperature=0)
    assert upstream.exchanges[0].body.keys() == {"model", "messages", "temperature"}


def test_dropped_field_may_have_a_default_of_the_target(upstream: ScriptedUpstream) -> None:
    target = Target(id="small", model="small", parameters={"user": "ours"})
    ask(make_backend(upstream, dropped_fields=["user"]), target, user="theirs")
    assert upstream.exchanges[0].body["user"] == "ours"


class HouseBackend(OpenAIBackend):
    """Puts a rule before the target's instructions."""

    def payload(self, request: ChatRequest, target: Target, caller: Caller, **fields: Any) -> dict[str, msgspec.Raw]:
        return super().payload(request, target, caller, instructions=f"{RULE}\n\n{target.instructions}", **fields)


class LastBackend(OpenAIBackend):
    """Adds a message after the client's."""

    def payload(self, request: ChatRequest, target: Target, caller: Caller, **fields: Any) -> dict[str, msgspec.Raw]:
        payload = super().payload(request, target, caller, **fields)
        messages = [*msgspec.json.decode(payload["messages"]), {"role": "system", "content": RULE}]
        return payload | {"messages": msgspec.Raw(msgspec.json.encode(messages))}


def refuse_with_request(upstream: ScriptedUpstream, form: Any) -> None:
    """As servers do whose validation errors contain the request."""
    upstream.script(lambda exchange: exchange.answer({"error": {"message": form(exchange.body)}}, status=400))


@pytest.mark.parametrize("call", [ask, stream])
@pytest.mark.parametrize("kind", [OpenAIBackend, HouseBackend, LastBackend])
@pytest.mark.parametrize(
    "form", [json.dumps, repr, lambda body: body["messages"][-1]["content"] + body["messages"][0]["content"]]
)
def test_refusal_that_repeats_what_was_added_says_nothing_of_it(
    upstream: ScriptedUpstream, call: Any, kind: type[OpenAIBackend], form: Any
) -> None:
    refuse_with_request(upstream, form)
    with pytest.raises(InvalidRequest) as caught:
        call(make_backend(upstream, kind), AGENT, messages=[{"role": "user", "content": "Hello"}])
    assert caught.value.message == "The model refused the request."


def test_refusal_that_repeats_only_the_clients_messages_is_passed_on(upstream: ScriptedUpstream) -> None:
    refuse_with_request(upstream, lambda body: f"{body['model']}: {body['messages'][1]['content']} is too long.")
    question = "A question of the client that is longer than 24 characters"
    with pytest.raises(InvalidRequest) as caught:
        ask(make_backend(upstream, HouseBackend), AGENT, messages=[{"role": "user", "content": question}])
    assert caught.value.message == f"agent: {question} is too long."


def test_error_within_a_stream_is_redacted_alike(upstream: ScriptedUpstream) -> None:
    error = {
        "code": 400,
        "message": f"{INSTRUCTIONS} is invalid",
        "param": INSTRUCTIONS,
        "type": AGENT.model,
    }
    upstream.script(lambda exchange: exchange.stream(chunk({"content": "a"}), {"error": error}))
    with pytest.raises(InvalidRequest) as caught:
        stream(make_backend(upstream), AGENT)
    assert (caught.value.message, caught.value.param) == ("The model refused the request.", None)
    assert caught.value.type == "agent"


@pytest.mark.parametrize("allowed", [True, False])
def test_repeated_prompt_passes_only_if_allowed(upstream: ScriptedUpstream, allowed: bool) -> None:
    upstream.script(lambda exchange: exchange.answer(completion(prompt_logprobs=[{"1": {"decoded_token": "a"}}])))
    assert ("prompt_logprobs" in ask(make_backend(upstream, allow_prompt_echo=allowed), AGENT)) is allowed


def test_unknown_field_of_a_chunk_is_redacted(upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.stream(chunk({}, "stop", debug=[INSTRUCTIONS, "of-the-upstream"])))
    assert stream(make_backend(upstream), AGENT)[0]["debug"] == ["[redacted]", "[redacted]"]


def nested(depth: int) -> bytes:
    """An answer with an unknown field of this depth."""
    return b'{"choices":[],"x":%b1%b}' % (b"[" * depth, b"]" * depth)


def test_nested_field_of_an_answer_is_passed_on(upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.answer(nested(100)))
    assert "x" in ask(make_backend(upstream))


def test_field_that_is_nested_too_deeply_is_an_upstream_error(upstream: ScriptedUpstream) -> None:
    upstream.script(lambda exchange: exchange.answer(nested(100_000)))
    with pytest.raises(UpstreamError, match="not valid JSON"):
        ask(make_backend(upstream))


def test_limits_are_options(upstream: ScriptedUpstream) -> None:
    with pytest.raises(UpstreamError, match="too large"):
        ask(make_backend(upstream, max_answer_bytes=100))
    with pytest.raises(UpstreamError, match="too large"):
        stream(make_backend(upstream, max_event_bytes=100))
    upstream.script(lambda exchange: exchange.answer(b""))
    with pytest.raises(UpstreamError, match="lost"):
        ask(make_backend(upstream, max_head_bytes=20))


def test_limits_are_settings(upstream: ScriptedUpstream, settings: Any) -> None:
    settings.THREADLESS = {**settings.THREADLESS, "MAX_ANSWER_BYTES": 100}
    with pytest.raises(UpstreamError, match="too large"):
        ask(make_backend(upstream))


def test_backend_without_tools_refuses_them() -> None:
    class Silent(OpenAIBackend):
        supports_tools = False

    with pytest.raises(InvalidRequest) as caught:
        ask(Silent(base_url=URL), tools=[{"type": "function", "function": {"name": "f"}}])
    assert (caught.value.param, caught.value.code) == ("tools", "unsupported_parameter")


# The usage of streams


def refuse_stream_options(exchange: Exchange) -> None:
    """As Mistral on Azure and older versions of Azure do."""
    if "stream_options" in exchange.body:
        error = {"message": "Extra inputs are not permitted", "param": "stream_options"}
        exchange.answer({"error": error}, status=400)
    else:
        answer_normally(exchange)


def test_stream_refused_for_its_options_is_sent_once_more_without_them(upstream: ScriptedUpstream) -> None:
    upstream.script(refuse_stream_options)
    backend = make_backend(upstream)
    assert stream(backend)
    assert stream(backend, stream_options={"include_usage": True})
    assert ["stream_options" in exchange.body for exchange in upstream.exchanges] == [True, False, False]


def test_other_refusal_is_remembered_by_nobody(upstream: ScriptedUpstream) -> None:
    refuse_with_request(upstream, json.dumps)
    backend = make_backend(upstream)
    with pytest.raises(InvalidRequest):
        stream(backend)
    upstream.script()
    assert stream(backend)
    assert ["stream_options" in exchange.body for exchange in upstream.exchanges] == [True, False, True]


def test_usage_is_not_asked_for_if_the_option_says_never(upstream: ScriptedUpstream) -> None:
    stream(make_backend(upstream, stream_usage="never"), stream_options={"include_usage": True})
    assert "stream_options" not in upstream.exchanges[0].body


def test_line_feed_after_the_key_is_removed(upstream: ScriptedUpstream) -> None:
    ask(OpenAIBackend(base_url=upstream.base_url, api_key=f" {SECRET}\n"))
    assert upstream.exchanges[0].headers["Authorization"] == f"Bearer {SECRET}"


def test_nothing_is_logged_while_connecting(upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ask(make_backend(upstream))
        with pytest.raises(APIError):
            ask(OpenAIBackend(base_url="http://127.0.0.1:1/v1"))
    assert caplog.messages == []


def test_importing_changes_no_logger_of_a_library() -> None:
    assert [logging.getLogger(name).filters for name in ("urllib3.connection", "urllib3.connectionpool")] == [[], []]


def test_call_outside_a_lifetime_is_served(upstream: ScriptedUpstream) -> None:
    assert lifetime.current() is None
    assert ask(make_backend(upstream))["choices"]


class TextBackend(OpenAIBackend):
    """A backend of a model that accepts text only."""

    supports_images = False


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file", "video_url", "audio_url", "input_image", "x"])
def test_part_that_is_no_text_is_refused_for_a_text_model(kind: str) -> None:
    request = ChatRequest.build(messages=[{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": kind}]}])
    with pytest.raises(InvalidRequest) as caught:
        TextBackend(base_url=URL).validate_request(request, MODEL)
    assert (caught.value.param, caught.value.code) == ("messages", "unsupported_parameter")


def test_text_and_refusal_are_accepted_for_a_text_model() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}]
    request = ChatRequest.build(messages=[{"role": "assistant", "content": parts}, {"role": "user", "content": "c"}])
    TextBackend(base_url=URL).validate_request(request, MODEL)
