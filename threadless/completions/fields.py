"""The request fields of the OpenAI chat completions reference as typed structs; only validation reads them.

https://platform.openai.com/docs/api-reference/chat/create. Every optional field may be null: real clients send that.
Unknown fields pass through. A field has a literal type only if the reference allows no other values.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

RawObject: TypeAlias = dict[str, Raw]
"""An object whose values are not decoded, because no rule reads them."""

_EMPTY = frozenset({b"null", b'""', b"[]", b"{}"})
"""The JSON of a value without content."""


class Field(Struct, gc=False):
    """Base of all fields. They form no cycles, so the garbage collector need not track them.

    The representation shows no values: they are what people write, and error reports show local variables.
    """

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class ImageURL(Field):
    url: str
    detail: str | None = None


class InputAudio(Field):
    data: str
    format: str


class File(Field):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Part(Field):
    """A content part. It needs the field of its type, such as `image_url`; unknown types are passed on."""

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


class FunctionCall(Field):
    name: str
    arguments: str


class CustomCall(Field):
    name: str
    input: str


class ToolCall(Field):
    id: Annotated[str, Meta(min_length=1)]
    type: str | None = None
    function: FunctionCall | None = None
    custom: CustomCall | None = None


class SystemMessage(Field, tag_field="role", tag="system"):
    content: Content
    name: str | None = None


class DeveloperMessage(Field, tag_field="role", tag="developer"):
    content: Content
    name: str | None = None


class UserMessage(Field, tag_field="role", tag="user"):
    content: Content
    name: str | None = None


class AudioReference(Field):
    id: str


class AssistantMessage(Field, tag_field="role", tag="assistant"):
    content: str | list[Part] | UnsetType | None = UNSET
    name: str | None = None
    refusal: str | None = None
    audio: AudioReference | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: FunctionCall | None = None
    reasoning: Raw | UnsetType = UNSET
    reasoning_content: Raw | UnsetType = UNSET
    reasoning_details: Raw | UnsetType = UNSET

    @property
    def is_empty(self) -> bool:
        """True if there is no content and nothing that replaces it."""
        return self.content in (None, UNSET) and not (
            self.tool_calls or self.function_call or self.audio or self.refusal or self.has_reasoning
        )

    @property
    def has_reasoning(self) -> bool:
        """True if the turn has reasoning, under any of the names that upstreams use for it.

        Such a turn goes back to the upstream. vLLM: `reasoning`, DeepSeek: `reasoning_content`, OpenRouter:
        `reasoning_details`.
        """
        given = (self.reasoning, self.reasoning_content, self.reasoning_details)
        return any(raw is not UNSET and bytes(raw) not in _EMPTY for raw in given)


class ToolMessage(Field, tag_field="role", tag="tool"):
    content: Content
    tool_call_id: Annotated[str, Meta(min_length=1)]
    name: str | None = None


class FunctionMessage(Field, tag_field="role", tag="function"):
    name: str
    content: Content | None = None


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage


class Function(Field):
    name: Annotated[str, Meta(min_length=1)]
    description: str | None = None
    parameters: RawObject | None = None
    strict: bool | None = None


class CustomTool(Field):
    name: Annotated[str, Meta(min_length=1)]
    description: str | None = None
    format: RawObject | None = None


class Tool(Field):
    """A tool; unknown types are passed on."""

    type: str
    function: Function | None = None
    custom: CustomTool | None = None

    @property
    def name(self) -> str | None:
        """The name that the model uses to call it."""
        definition = self.function or self.custom
        return definition.name if definition else None


class Named(Field):
    name: Annotated[str, Meta(min_length=1)]


class ToolChoice(Field):
    type: str
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: RawObject | None = None


class JSONSchema(Field):
    name: str
    description: str | None = None
    schema: RawObject | None = None
    strict: bool | None = None


class ResponseFormat(Field):
    type: str
    json_schema: JSONSchema | None = None


class StreamOptions(Field):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None
    continuous_usage_stats: bool | None = None


class AudioOutput(Field):
    voice: str | RawObject
    format: str


class Prediction(Field):
    type: str
    content: str | list[Part]


class WebSearchOptions(Field):
    search_context_size: str | None = None
    user_location: RawObject | None = None


Penalty = Annotated[float, Meta(ge=-2, le=2)]
Positive = Annotated[int, Meta(ge=1)]


class Moderation(Field):
    model: str
    policy: RawObject | None = None


class PromptCacheOptions(Field):
    mode: str | None = None
    ttl: str | None = None


class Fields(Field):
    """The request body. The ranges are those of the reference."""

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
