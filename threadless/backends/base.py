"""`BaseChatBackend`, the seam to the host's LLM path, and `backends`, which builds the configured ones by alias."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Final

import msgspec
from django.core.checks import CheckMessage
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from threadless.backends.convert import chunks_of
from threadless.conf import conf
from threadless.exceptions import InvalidBackend, InvalidRequest
from threadless.server.process import reset_after_fork
from threadless.types import Caller, ChatRequest, Chunk, Completion, JSONObject, Target

_MEDIA_PARTS: Final = frozenset({"image_url", "input_audio", "file"})


class BaseChatBackend(ABC):
    """Answers chat requests. One instance per alias and process serves all threads at once.

    `OPTIONS` of the setting arrive as keyword arguments; an unknown one is a `TypeError`, reported as
    `InvalidBackend`. Failures are raised as `APIError`s; anything else becomes a 500 that says nothing.
    """

    supports_tools: ClassVar[bool] = True
    """False: a request with tools is refused with a 400 instead of having them dropped in silence."""
    supports_images: ClassVar[bool] = True
    """False: a request with image, audio or file parts is refused with a 400."""

    def __init__(self, *, alias: str = "") -> None:
        self.alias = alias

    def validate_request(self, request: ChatRequest, target: Target) -> None:
        """Refuse what this backend cannot do; raises `InvalidRequest`.

        The endpoint calls it before it opens the row. `complete` and `stream` call it first, so that the host's own
        chats get the same refusal.
        """
        if not self.supports_tools and request.get("tools"):
            raise InvalidRequest("This model does not support tools.", param="tools", code="unsupported_parameter")
        if not self.supports_images and _has_media(request):
            raise InvalidRequest("This model reads text only.", param="messages", code="unsupported_parameter")

    @abstractmethod
    def complete(self, request: ChatRequest, target: Target, caller: Caller) -> Completion:
        """The whole answer. Blocks; `lifetime.current()` tells whether anybody still waits for it."""

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        """The answer chunk by chunk, each yielded as soon as it is there.

        Closed (`GeneratorExit`) in the thread that runs it when the call ends early. Without a stream of its own a
        backend answers in one piece.
        """
        yield from chunks_of(self.complete(request, target, caller).body)

    def check(self) -> list[CheckMessage]:
        """System-check messages about this backend's options. Must not touch the network."""
        return []


def _has_media(request: ChatRequest) -> bool:
    """True if a message has an image, audio or file part."""
    contents = (message.get("content") for message in request.get("messages") or ())
    parts = (part for content in contents if isinstance(content, list) for part in content)
    return any(part.get("type") in _MEDIA_PARTS for part in parts)


def payload_of(
    request: ChatRequest, target: Target, *, instructions: str | None = None, **fields: Any
) -> dict[str, msgspec.Raw]:
    """What goes upstream: the client's fields untouched, but for the model's name and what the target adds.

    `instructions` stand in for the target's. `fields` are set last. Values stay JSON bytes: nothing the client sent is
    decoded and encoded again.
    """
    encode = msgspec.json.encode
    payload = dict(request.fields)
    for name, value in target.parameters.items():
        payload.setdefault(name, msgspec.Raw(encode(value)))
    payload["model"] = msgspec.Raw(encode(target.model))
    if text := target.instructions if instructions is None else instructions:
        payload["messages"] = _with_first(payload.get("messages"), [{"role": "system", "content": text}])
    if target.tools:
        payload["tools"] = _with_first(payload.get("tools"), list(target.tools))
    for name, value in fields.items():
        payload[name] = msgspec.Raw(encode(value))
    return payload


def _with_first(raw: msgspec.Raw | None, first: list[JSONObject]) -> msgspec.Raw:
    """A JSON array, null or nothing, with these items at its head. The others are not looked at: there may be much."""
    head = msgspec.json.encode(first)
    rest = bytes(raw or b"").strip().removeprefix(b"null").removeprefix(b"[").lstrip()
    if rest in (b"", b"]"):
        return msgspec.Raw(head)
    return msgspec.Raw(b"%b,%b" % (head[:-1], rest))


class BackendHandler:
    """The backends of the `BACKENDS` setting by alias, each built once per process when first asked for."""

    def __init__(self) -> None:
        self._built: dict[str, BaseChatBackend] = {}
        setting_changed.connect(self._forget)
        # Two processes on one connection to an upstream would read each other's answers.
        reset_after_fork(self._built.clear)

    def __getitem__(self, alias: str) -> BaseChatBackend:
        backend = self._built.get(alias)
        return backend if backend is not None else self._built.setdefault(alias, build_backend(alias))

    def _forget(self, *, setting: str, **kwargs: Any) -> None:
        if setting == "THREADLESS":
            self._built.clear()


def build_backend(alias: str) -> BaseChatBackend:
    """A new instance; raises `InvalidBackend` naming the alias."""
    try:
        params = conf.backends[alias]
    except KeyError:
        raise InvalidBackend(f"THREADLESS['BACKENDS'] has no alias {alias!r}.") from None
    try:
        backend_class = import_string(params["BACKEND"])
        backend: BaseChatBackend = backend_class(alias=alias, **params.get("OPTIONS", {}))
    except KeyError as error:
        raise InvalidBackend(f"THREADLESS['BACKENDS'][{alias!r}] lacks {error}.") from error
    except (ImportError, TypeError, ValueError) as error:
        raise InvalidBackend(f"THREADLESS['BACKENDS'][{alias!r}]: {error}") from error
    return backend


backends = BackendHandler()
