"""`BridgeBackend`: the base class of the backends that call another package instead of an HTTP API.

A bridge lists the request fields and content parts that it can carry. Anything else is refused by name, or left out if
the host says so, never silently.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from typing import Any, ClassVar, Final

import msgspec
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from threadless.backends.base import BaseChatBackend, payload_of
from threadless.backends.vendor_errors import VendorErrors, redactor_of
from threadless.exceptions import APIError, InvalidRequest
from threadless.types import Caller, ChatRequest, Chunk, Completion, JSONObject, JSONValue, Target

EVERYTHING: Final = "*"
"""In `drop`: leave out everything that the bridge cannot carry."""
_ALWAYS: Final = frozenset({"model", "messages", "stream", "stream_options"})
_NEUTRAL: Final[Mapping[str, tuple[JSONValue, ...]]] = {
    "frequency_penalty": (0,),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "parallel_tool_calls": (True,),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "tool_choice": ("auto",),
    "tools": ([],),
}
"""Values that ask for what happens anyway. Some clients always send them."""
_TEXT: Final = "text"


class BridgedCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call, as a bridge sees it."""

    made: Any
    """What the host's function returned."""
    messages: list[JSONObject]
    """The instructions of the target and the messages of the client, in the form of the OpenAI reference."""
    fields: JSONObject
    """The other fields of the request that remain, and the parameters of the target."""
    request: ChatRequest
    """Without what is dropped."""
    target: Target
    caller: Caller


class BridgeBackend(BaseChatBackend):
    """Calls `function(request, target, caller)`, which returns what answers: a model, an agent, a client.

    - `function`: the function or its dotted path. It is called once per call.
    - `drop`: names of request fields and types of content parts that are left out; `"*"` stands for everything that
      this bridge cannot carry. By default such fields and parts are refused with a 400.
    - `reads`: names of request fields that the function reads itself. The bridge lets them pass and does not use them.
    - `errors`: further rules for exceptions (see `VendorErrors`).
    """

    carried_fields: frozenset[str] = frozenset()
    """The request fields that the bridge passes on, beside `model`, `messages`, `stream` and `stream_options`."""
    carried_parts: ClassVar[frozenset[str]] = frozenset({"text", "refusal"})
    """The types of content parts that it passes on."""

    def __init__(
        self,
        *,
        function: str | Callable[..., Any],
        drop: Collection[str] = (),
        reads: Collection[str] = (),
        errors: Mapping[str, int | str | Callable[[Any], APIError | None]] | None = None,
        alias: str = "",
    ) -> None:
        super().__init__(alias=alias)
        self.function = import_string(function) if isinstance(function, str) else function
        if not callable(self.function):
            raise ImproperlyConfigured(f"Backend {alias!r}: the option 'function' must be callable.")
        self._drop = frozenset({drop} if isinstance(drop, str) else drop)
        self._reads = frozenset(reads)
        self._errors = VendorErrors(errors)

    @abstractmethod
    def answer(self, call: BridgedCall) -> JSONObject:
        """The whole answer as a `chat.completion`."""

    @abstractmethod
    def chunks(self, call: BridgedCall) -> Iterator[Chunk]:
        """The answer as chunks. The generator is closed if the client leaves."""

    def complete(self, request: ChatRequest, target: Target, caller: Caller) -> Completion:
        self.validate_request(request, target)
        with self._errors.translated(redactor_of(request, target)):
            return Completion(body=self.answer(self._call(request, target, caller)))

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        self.validate_request(request, target)
        with self._errors.translated(redactor_of(request, target)):
            chunks: Any = self.chunks(self._call(request, target, caller))
            with closing(chunks):
                yield from chunks

    def validate_request(self, request: ChatRequest, target: Target) -> None:
        super().validate_request(request, target)
        for name in request.fields.keys() - _ALWAYS - self._reads:
            if not self.carries(name) and not self.drops(name) and not is_neutral(name, request.get(name)):
                raise unsupported(name)
        for path, part in _parts_of(request):
            if part.get("type") not in self.carried_parts and not self.drops(str(part.get("type"))):
                raise InvalidRequest(
                    f"{path}: parts of type {str(part.get('type'))[:64]!r} are not supported.",
                    param=path,
                    code="unsupported_parameter",
                )

    def carries(self, name: str) -> bool:
        """True if the bridge passes on this field."""
        return name in self.carried_fields

    def drops(self, name: str) -> bool:
        """True if the host wants this field or type of part to be left out."""
        return name in self._drop or EVERYTHING in self._drop

    def _call(self, request: ChatRequest, target: Target, caller: Caller) -> BridgedCall:
        request = self._without_dropped(request)
        fields = fields_of(request, target)
        return BridgedCall(
            made=self.function(request, target, caller),
            messages=[self._with_carried_parts(message) for message in messages_of(request, target)],
            fields={name: value for name, value in fields.items() if name not in self._reads & request.fields.keys()},
            request=request,
            target=target,
            caller=caller,
        )

    def _without_dropped(self, request: ChatRequest) -> ChatRequest:
        others = request.fields.keys() - self._reads - _ALWAYS
        dropped = {name for name in others if name in self._drop or not self.carries(name)}
        if not dropped:
            return request
        kept = {name: raw for name, raw in request.fields.items() if name not in dropped}
        return msgspec.structs.replace(request, fields=kept)

    def _with_carried_parts(self, message: JSONObject) -> JSONObject:
        content = message.get("content")
        if not isinstance(content, list):
            return message
        return {**message, "content": [part for part in content if part.get("type") in self.carried_parts]}


def messages_of(request: ChatRequest, target: Target) -> list[JSONObject]:
    """The instructions of the target and the client's messages."""
    messages: list[JSONObject] = msgspec.json.decode(payload_of(request, target)["messages"])
    return messages


def fields_of(request: ChatRequest, target: Target) -> JSONObject:
    """What the client asks for and the target adds, without the conversation and without neutral values."""
    fields = {name: msgspec.json.decode(raw) for name, raw in payload_of(request, target).items()}
    return {name: value for name, value in fields.items() if name not in _ALWAYS and not is_neutral(name, value)}


def is_neutral(name: str, value: JSONValue) -> bool:
    """True for null, and for a value that asks for what happens anyway."""
    return value is None or value in _NEUTRAL.get(name, ())


def unsupported(name: str) -> InvalidRequest:
    """The refusal of one field."""
    return InvalidRequest(f"The field {name!r} is not supported.", param=name, code="unsupported_parameter")


def check_names(request: ChatRequest, taken: Collection[str]) -> None:
    """Raise `InvalidRequest` if a tool of the client has the name of one that the host runs."""
    for index, tool in enumerate(request.get("tools") or ()):
        name = (tool.get("function") or {}).get("name")
        if name in taken:
            param = f"tools[{index}].function.name"
            raise InvalidRequest(f"tools[{index}]: this agent already has a tool with the name '{name}'.", param=param)


def text_of(content: JSONValue) -> str:
    """The text of a message's content: a string, null, or parts."""
    if isinstance(content, list):
        return "".join(part.get("text") or part.get("refusal") or "" for part in content if isinstance(part, dict))
    return content or ""


def _parts_of(request: ChatRequest) -> Iterator[tuple[str, JSONObject]]:
    """The content parts with their paths."""
    for index, message in enumerate(request.get("messages") or ()):
        content = message.get("content")
        for place, part in enumerate(content if isinstance(content, list) else ()):
            yield f"messages[{index}].content[{place}]", part
