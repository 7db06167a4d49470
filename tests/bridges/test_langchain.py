"""LangChain: what differs between vendors, shown by LangChain's fake models."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import RunnableLambda

from tests.bridges import scripts
from tests.bridges.conftest import Platform
from tests.bridges.makers import langchain

BACKEND = "threadless.contrib.langchain.LangChainBackend"
THINKING = {"type": "thinking", "thinking": "Oslo is north.", "signature": "c2ln"}


class Said(GenericFakeChatModel):
    """Gives one message, in a stream as it is too."""

    messages: Any = ()
    said: Any = None

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        self.messages = iter([self.said])
        return super()._generate(messages, *args, **kwargs)

    def _stream(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        fields = self.said.model_dump(exclude={"type"})
        yield ChatGenerationChunk(message=AIMessageChunk(**fields))


def use(platform: Platform, made: Any, **options: Any) -> None:
    """Answer by this model."""
    platform.use(BACKEND, function=lambda request, target, caller: made, **options)


REASONS = {
    "OpenAI": ({"finish_reason": "content_filter"}, "content_filter"),
    "Anthropic, the end": ({"stop_reason": "end_turn"}, "stop"),
    "Anthropic, the limit": ({"stop_reason": "max_tokens"}, "length"),
    "Anthropic, a stop sequence": ({"stop_reason": "stop_sequence"}, "stop"),
    "Anthropic, a refusal": ({"stop_reason": "refusal"}, "content_filter"),
    "Google, the end": ({"finish_reason": "STOP"}, "stop"),
    "Google, the limit": ({"finish_reason": "MAX_TOKENS"}, "length"),
    "Google, safety": ({"finish_reason": "SAFETY"}, "content_filter"),
    "Bedrock": ({"stopReason": "guardrail_intervened"}, "content_filter"),
    "Ollama": ({"done_reason": "length"}, "length"),
    "nothing": ({}, "stop"),
}


@pytest.mark.parametrize(("metadata", "expected"), REASONS.values(), ids=REASONS)
@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_finish_reason_of_each_vendor_is_understood(
    platform: Platform, metadata: dict[str, Any], expected: str, is_stream: bool
) -> None:
    use(platform, Said(said=AIMessage("Hi", response_metadata=metadata)))
    found = platform.stream().finish_reason if is_stream else platform.ask()["choices"][0]["finish_reason"]
    assert found == expected


CONTENTS = {
    "Anthropic": ([THINKING, {"type": "text", "text": "Cold."}], {}),
    "Bedrock": ([{"type": "reasoning_content", "reasoning_content": {"text": "Oslo is north."}}, "Cold."], {}),
    "OpenAI responses": (
        [{"type": "reasoning", "summary": [{"text": "Oslo is north."}]}, {"type": "text", "text": "Cold."}],
        {},
    ),
    "standard": ([{"type": "reasoning", "reasoning": "Oslo is north."}, {"type": "text", "text": "Cold."}], {}),
    "DeepSeek": ("Cold.", {"reasoning_content": "Oslo is north."}),
}


@pytest.mark.parametrize(("content", "extra"), CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_reasoning_of_each_vendor_goes_out_beside_the_text(
    platform: Platform, content: Any, extra: dict[str, Any], is_stream: bool
) -> None:
    use(platform, Said(said=AIMessage(content, additional_kwargs=extra)))
    if is_stream:
        deltas = [choice["delta"] for chunk in platform.stream().chunks for choice in chunk["choices"]]
        message = {name: value for delta in deltas for name, value in delta.items()}
    else:
        message = platform.ask()["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("Cold.", "Oslo is north.")


def test_generated_image_goes_out_as_an_image(platform: Platform) -> None:
    use(platform, Said(said=AIMessage([{"type": "image", "base64": "aGk=", "mime_type": "image/png"}])))
    images = platform.ask()["choices"][0]["message"]["images"]
    assert images == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]


def test_part_of_an_answer_that_cannot_go_out_is_logged(platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    use(platform, Said(said=AIMessage(["Hi", {"type": "hologram"}])))
    platform.ask()
    assert "A part of type 'hologram' of a model's answer was not passed on." in caplog.messages


class Listener(BaseCallbackHandler):
    """Keeps the metadata of each run."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_chat_model_start(self, *args: Any, metadata: Any = None, **kwargs: Any) -> None:
        self.seen.append(metadata)


@pytest.mark.parametrize("is_stream", [False, True], ids=["plain", "stream"])
def test_config_of_the_host_is_passed_on_with_what_the_client_says_of_itself(
    platform: Platform, is_stream: bool
) -> None:
    listener = Listener()
    use(platform, (Said(said=AIMessage("Hi")), {"callbacks": [listener], "metadata": {"team": "blue"}}))
    fields = {"user": "u7", "metadata": {"chat": "c9"}}
    if is_stream:
        platform.stream(**fields)
    else:
        platform.ask(**fields)
    (seen,) = listener.seen
    assert (seen["team"], seen["user"], seen["chat"]) == ("blue", "u7", "c9")
    assert seen["request_id"] == platform.row.request_id


def test_runnable_that_answers_with_a_text_is_enough(platform: Platform) -> None:
    use(platform, RunnableLambda(lambda messages: AIMessage(messages[-1].text.upper())) | StrOutputParser())
    assert platform.ask("hello")["choices"][0]["message"]["content"] == "HELLO"
    assert platform.stream("hello").text == "HELLO"


@pytest.mark.parametrize(("field", "value"), [("temperature", 0.5), ("tools", scripts.TOOLS)])
def test_runnable_that_takes_no_parameters_refuses_them_by_name(platform: Platform, field: str, value: Any) -> None:
    use(platform, RunnableLambda(lambda messages: "Hi"))
    status, error, _ = platform.refuse(**{field: value})
    assert (status, error["param"]) == (400, field)


def test_field_that_only_some_vendors_have_is_refused_by_name_for_the_others(platform: Platform) -> None:
    use(platform, Said(said=AIMessage("Hi")))
    status, error, _ = platform.refuse(seed=7)
    assert (status, error["code"], error["param"]) == (400, "unsupported_parameter", "seed")
    use(platform, Said(said=AIMessage("Hi")), drop=["seed"])
    platform.ask(seed=7)


class Keeping(Said):
    """Keeps the arguments of its calls."""

    seen: Any = None

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        self.seen.append(kwargs)
        return super()._generate(messages, *args, **kwargs)


def test_host_names_further_fields_and_the_arguments_that_they_become(platform: Platform) -> None:
    seen: list[Any] = []
    use(platform, Keeping(said=AIMessage("Hi"), seen=seen), fields={"seed": "random_seed"})
    platform.ask(seed=7, stop="END", max_completion_tokens=9)
    assert seen == [{"random_seed": 7, "stop": ["END"], "max_tokens": 9}]


def test_instructions_and_parameters_of_the_target_reach_the_model(platform: Platform, settings: Any) -> None:
    platform.use(BACKEND, function=langchain(platform.upstream.base_url))
    models = {"small": {"model": "m", "instructions": "Be brief.", "parameters": {"temperature": 0.1}}}
    settings.THREADLESS = {**settings.THREADLESS, "MODELS": models}
    platform.ask()
    sent = platform.upstream.exchanges[0].body
    assert (sent["messages"][0], sent["temperature"]) == ({"role": "system", "content": "Be brief."}, 0.1)


def test_all_roles_and_parts_reach_openai_as_they_were(platform: Platform) -> None:
    platform.use(BACKEND, function=langchain(platform.upstream.base_url))
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "not json"}}
    audio = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}}
    history = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "name": "Ada", "content": [{"type": "text", "text": "Look"}, audio, file]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "cold"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"role": "user", "content": "Why?"},
    ]
    platform.ask(history)
    sent = platform.upstream.exchanges[0].body["messages"]
    assert sent[4]["content"] == "No."
    assert [*sent[:4], sent[5]] == [*history[:4], history[5]]


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}, "function_call"),
        ({"role": "assistant", "content": None, "audio": {"id": "a1"}}, "audio"),
    ],
)
def test_message_that_langchain_cannot_express_is_refused_by_its_path(
    platform: Platform, message: Any, param: str
) -> None:
    use(platform, Said(said=AIMessage("Hi")))
    status, error, _ = platform.refuse([message, {"role": "user", "content": "Hi"}])
    assert (status, error["param"]) == (400, f"messages[0].{param}")
