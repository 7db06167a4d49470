"""The request fields of the OpenAI chat completions reference as typed structs; only validation reads them.

https://platform.openai.com/docs/api-reference/chat/create. Every optional field may be null: real clients send that.
Unknown fields are no error and pass through. A literal type stands only where the reference's set is closed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType


class ImageURL(Struct):
    url: str
    detail: str | None = None


class InputAudio(Struct):
    data: str
    format: str


class File(Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Part(Struct):
    """A content part; which field a known type needs is `PART_FIELDS`. Unknown types pass."""

    type: str
    text: str | None = None
    image_url: ImageURL | None = None
    input_audio: InputAudio | None = None
    file: File | None = None
    refusal: str | None = None


PART_FIELDS = {
    "text": "text",
    "image_url": "image_url",
    "input_audio": "input_audio",
    "file": "file",
    "refusal": "refusal",
}

Content = str | Annotated[list[Part], Meta(min_length=1)]


class FunctionCall(Struct):
    name: str
    arguments: str


class CustomCall(Struct):
    name: str
    input: str


class ToolCall(Struct):
    id: Annotated[str, Meta(min_length=1)]
    type: str | None = None
    function: FunctionCall | None = None
    custom: CustomCall | None = None


class SystemMessage(Struct, tag_field="role", tag="system"):
    content: Content
    name: str | None = None


class DeveloperMessage(Struct, tag_field="role", tag="developer"):
    content: Content
    name: str | None = None


class UserMessage(Struct, tag_field="role", tag="user"):
    content: Content
    name: str | None = None


class AudioReference(Struct):
    id: str


class AssistantMessage(Struct, tag_field="role", tag="assistant"):
    content: str | list[Part] | UnsetType | None = UNSET
    name: str | None = None
    refusal: str | None = None
    audio: AudioReference | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: FunctionCall | None = None

    @property
    def is_empty(self) -> bool:
        """True if nothing stands where the content should."""
        return self.content in (None, UNSET) and not (
            self.tool_calls or self.function_call or self.audio or self.refusal
        )


class ToolMessage(Struct, tag_field="role", tag="tool"):
    content: Content
    tool_call_id: Annotated[str, Meta(min_length=1)]
    name: str | None = None


class FunctionMessage(Struct, tag_field="role", tag="function"):
    name: str
    content: Content | None = None


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage


class Function(Struct):
    name: Annotated[str, Meta(min_length=1)]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class CustomTool(Struct):
    name: Annotated[str, Meta(min_length=1)]
    description: str | None = None
    format: dict[str, Any] | None = None


class Tool(Struct):
    """A tool; unknown types pass."""

    type: str
    function: Function | None = None
    custom: CustomTool | None = None

    @property
    def name(self) -> str | None:
        """What the model calls it by."""
        definition = self.function or self.custom
        return definition.name if definition else None


class Named(Struct):
    name: Annotated[str, Meta(min_length=1)]


class ToolChoice(Struct):
    type: str
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: dict[str, Any] | None = None


class JSONSchema(Struct):
    name: str
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class ResponseFormat(Struct):
    type: str
    json_schema: JSONSchema | None = None


class StreamOptions(Struct):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class AudioOutput(Struct):
    voice: str | dict[str, Any]
    format: str


class Prediction(Struct):
    type: str
    content: str | list[Part]


class WebSearchOptions(Struct):
    search_context_size: str | None = None
    user_location: dict[str, Any] | None = None


Penalty = Annotated[float, Meta(ge=-2, le=2)]
Positive = Annotated[int, Meta(ge=1)]


class Moderation(Struct):
    model: str
    policy: dict[str, Any] | None = None


class PromptCacheOptions(Struct):
    mode: str | None = None
    ttl: str | None = None


class Fields(Struct):
    """The body. Ranges are those of the reference."""

    model: Annotated[str, Meta(min_length=1)]
    messages: Annotated[list[Message], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Tool] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=128)] | None = None
    stop: str | list[str] | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    seed: int | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    modalities: list[str] | None = None
    audio: AudioOutput | None = None
    prediction: Prediction | None = None
    service_tier: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: PromptCacheOptions | None = None
    moderation: Moderation | None = None
    web_search_options: WebSearchOptions | None = None
    functions: list[Function] | None = None
    function_call: Literal["none", "auto"] | Named | None = None
