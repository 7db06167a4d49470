"""What the endpoints answer, as typed structs. Only the OpenAPI description is made from them.

The names and meanings are those of https://platform.openai.com/docs/api-reference/chat/object. Upstreams add fields,
and those pass through, so an answer may have more fields than these.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

FinishReason = str
"""`stop`, `length`, `tool_calls`, `content_filter`, `function_call`, or a word of the model server."""


class CalledFunction(Struct):
    """The function that the model calls. `arguments` is JSON in a string, and may be invalid."""

    name: str
    arguments: str


class AnswerToolCall(Struct):
    """A tool call of the model."""

    id: str
    type: str
    function: CalledFunction | None = None


class AnswerMessage(Struct):
    """The message of the model."""

    role: Literal["assistant"]
    content: str | None
    refusal: str | None = None
    tool_calls: list[AnswerToolCall] | None = None


class Choice(Struct):
    """One of `n` answers."""

    index: int
    message: AnswerMessage
    finish_reason: FinishReason
    logprobs: dict[str, Any] | None = None


class PromptTokensDetails(Struct):
    """Parts of the prompt."""

    cached_tokens: int = 0


class CompletionTokensDetails(Struct):
    """Parts of the answer."""

    reasoning_tokens: int = 0


class TokenUsage(Struct):
    """Tokens of the call. Estimated if the model server does not report them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: CompletionTokensDetails | None = None


class ChatCompletion(Struct):
    """A plain answer."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage


class DeltaFunction(Struct):
    """A piece of a function call."""

    name: str | None = None
    arguments: str | None = None


class DeltaToolCall(Struct):
    """A piece of a tool call. The first one of an index has `id`, `type` and the whole name."""

    index: int
    id: str | None = None
    type: str | None = None
    function: DeltaFunction | None = None


class Delta(Struct):
    """What a chunk adds to the message."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[DeltaToolCall] | None = None


class ChunkChoice(Struct):
    """What a chunk adds to one of `n` answers."""

    index: int
    delta: Delta
    finish_reason: FinishReason | None = None
    logprobs: dict[str, Any] | None = None


class ChatCompletionChunk(Struct):
    """The data of one event of a stream."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: TokenUsage | None = None


class Model(Struct):
    """A model or an agent that the caller may use."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    name: str | None = None
    description: str | None = None


class ModelList(Struct):
    """All models and agents that the caller may use."""

    object: Literal["list"]
    data: list[Model]


class ErrorFields(Struct):
    """What went wrong. `type` and `code` are stable; `message` is written for people."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(Struct):
    """The body of every error."""

    error: ErrorFields
