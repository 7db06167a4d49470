"""`BaseChatBackend`, the base class of all backends, and `backends`, which creates the configured ones by alias."""

from __future__ import annotations

import inspect
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final

import msgspec
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from threadless.backends.convert import chunks_of
from threadless.backends.payloads import items_of
from threadless.conf import conf
from threadless.encoding import encode
from threadless.exceptions import InvalidBackend, InvalidRequest
from threadless.server.process import reset_after_fork
from threadless.setting_types import is_dotted_path
from threadless.types import Caller, ChatRequest, Chunk, Completion, JSONObject, Target

_TEXT_PARTS: Final = frozenset({"text", "refusal"})
"""Every other part is media, also of types that are not in the OpenAI reference, such as `video_url`."""


class BaseChatBackend(ABC):
    """Answers chat requests. One instance per alias and process serves all threads at once.

    `OPTIONS` of the setting arrive as keyword arguments; an unknown one is reported as `InvalidBackend`. Raise
    `ImproperlyConfigured` for an invalid value, with a message that does not show it: the text of any other exception
    in `__init__` is not shown, because it may contain a secret.

    Failures of a call are raised as `APIError`s. Any other exception becomes a 500 without details.
    """

    supports_tools: ClassVar[bool] = True
    """If False, a request with tools is refused with a 400."""
    supports_images: ClassVar[bool] = True
    """If False, a request with other parts than text and refusals is refused with a 400."""
    notes_requests: ClassVar[bool] = False
    """If True, the backend has no effect before it sets `Lifetime.has_asked`. If False, `has_asked` is set when it is
    called."""

    def __init__(self, *, alias: str = "") -> None:
        self.alias = alias

    def validate_request(self, request: ChatRequest, target: Target) -> None:
        """Raise `InvalidRequest` if this backend cannot serve the request.

        The endpoint calls it before it opens the row. `complete` and `stream` call it first, so that the host's own
        chats get the same refusal.
        """
        if not self.supports_tools and request.get("tools"):
            raise InvalidRequest("This model does not support tools.", param="tools", code="unsupported_parameter")
        if not self.supports_images and _has_media(request):
            raise InvalidRequest("This model accepts text input only.", param="messages", code="unsupported_parameter")

    @abstractmethod
    def complete(self, request: ChatRequest, target: Target, caller: Caller) -> Completion:
        """The whole answer. Blocks. `lifetime.current()` tells whether the client is still waiting."""

    def stream(self, request: ChatRequest, target: Target, caller: Caller) -> Iterator[Chunk]:
        """Yield each chunk of the answer as soon as it exists.

        If the call ends early, the generator is closed in the thread that runs it. By default, the whole answer is sent
        in one piece.
        """
        yield from chunks_of(self.complete(request, target, caller).body)

    def check(self) -> list[CheckMessage]:
        """System-check messages about this backend's options. Must not use the network."""
        return []


def _has_media(request: ChatRequest) -> bool:
    """True if a message has a part that is not text."""
    contents = (message.get("content") for message in request.get("messages") or ())
    parts = (part for content in contents if isinstance(content, list) for part in content)
    return any(part.get("type") not in _TEXT_PARTS for part in parts)


def payload_of(
    request: ChatRequest, target: Target, *, instructions: str | None = None, **fields: Any
) -> dict[str, msgspec.Raw]:
    """The JSON object for the upstream: the client's fields, the upstream's model name, and what the target adds.

    `instructions` replace those of the target. `fields` are set last. Values remain JSON bytes: what the client sent is
    not decoded and encoded again.
    """
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
    """These items followed by those of a JSON array (or null, or nothing), which may be large and is not parsed."""
    head, rest = encode(first), items_of(raw)
    return msgspec.Raw(b"".join((head[:-1], b",", rest)) if rest else head)


class BackendHandler:
    """The backends of the setting `BACKENDS` by alias. Each is created once per process, at its first use."""

    def __init__(self) -> None:
        self._built: dict[str, BaseChatBackend] = {}
        setting_changed.connect(self._forget)
        # Two processes that share a connection to an upstream would read each other's answers.
        reset_after_fork(self._built.clear)

    def __getitem__(self, alias: str) -> BaseChatBackend:
        backend = self._built.get(alias)
        return backend if backend is not None else self._built.setdefault(alias, build_backend(alias))

    def _forget(self, *, setting: str, **kwargs: Any) -> None:
        if setting == "THREADLESS":
            self._built.clear()


def build_backend(alias: str) -> BaseChatBackend:
    """A new instance.

    Raises `InvalidBackend`, which names the alias but shows no value, because options hold secrets. An
    `ImproperlyConfigured` of the backend's own is passed on.
    """
    setting = f"THREADLESS['BACKENDS'][{alias!r}]"
    params = conf.backends.get(alias)
    if params is None:
        raise InvalidBackend(f"THREADLESS['BACKENDS'] has no alias {alias!r}.")
    backend_class, options = _import_backend(setting, params.get("BACKEND")), params.get("OPTIONS", {})
    if not isinstance(options, Mapping) or not all(isinstance(name, str) for name in options):
        raise InvalidBackend(f"{setting}['OPTIONS'] must be a dict of option names to values.")
    if fault := _fault_of_names(backend_class, options):
        raise InvalidBackend(f"{setting}['OPTIONS']: {fault}.")
    try:
        backend: BaseChatBackend = backend_class(alias=alias, **options)
    except ImproperlyConfigured:
        raise
    except Exception as error:  # noqa: BLE001
        fault = _origin(error)
    else:
        return backend
    # Raised outside the `except` block: otherwise the log would show the text of the first exception too.
    raise InvalidBackend(f"{setting} cannot be created from its OPTIONS: {fault}.")


def _import_backend(setting: str, path: Any) -> Callable[..., Any]:
    """The class or function with this dotted path."""
    if not is_dotted_path(path):
        raise InvalidBackend(f"{setting}['BACKEND'] must be a dotted path.")
    try:
        found: Any = import_string(path)
    except ImportError as error:
        fault = _origin(error)
    else:
        if callable(found):
            return found  # type: ignore[no-any-return]
        fault = "it is not a class"
    raise InvalidBackend(f"{setting}['BACKEND'] cannot be imported: {fault}.")


def _fault_of_names(backend_class: Callable[..., Any], options: Mapping[str, Any]) -> str:
    """A text that names an unknown or missing option; empty if there is none."""
    try:
        inspect.signature(backend_class).bind(alias="", **options)
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


def _origin(error: Exception) -> str:
    """The type of an exception and the line that raised it, without its text, which may contain a secret."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    return f"{type(error).__name__} in {frames[-1].filename}, line {frames[-1].lineno}"


backends = BackendHandler()
