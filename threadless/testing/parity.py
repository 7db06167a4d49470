"""Proves that a history reaches the upstream as the same payload by the host's regular chat and by our endpoint."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.test import modify_settings, override_settings
from django.urls import reverse

from threadless.conf import conf
from threadless.encoding import encode
from threadless.testing.client import CompletionClient
from threadless.testing.recording import PayloadRecorder
from threadless.types import Caller, JSONObject, JSONValue
from threadless.usage.base import BaseUsageRecorder, Opening, Outcome

IGNORED: Final = frozenset({"stream", "stream_options"})
"""Fields that are not compared: a regular chat may stream although the call of the endpoint does not."""
_MAX_TEXT: Final = 160
"""A longer text, such as an image, is shown by its beginning, its length and its hash."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a host's function sends through its regular chat."""

    model: str
    """The public name of a model or agent."""
    messages: list[JSONObject]
    fields: JSONObject
    """Further fields of the request, such as `tools`."""
    user: Any
    caller: Caller
    """User and caller of the key with which the endpoint is called."""
    base_url: str
    """The recorder, for chats that call the upstream without a backend of `THREADLESS`."""


RegularChat: TypeAlias = Callable[[Turn], object]
"""A function of the host that runs one regular chat as its users do. What it returns is not used."""
Redirect: TypeAlias = Callable[[str], AbstractContextManager[object]]
"""Gets the `base_url` of the recorder, and sends the host's own LLM clients there within the block."""


class CannotSend(Exception):
    """Raised by a `RegularChat` for a history that the host's chats cannot hold. The message says why."""


class ParityError(Exception):
    """The comparison was not possible. The message says why."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """The payloads that the upstream got, without the fields that are not compared."""

    regular: list[JSONObject]
    endpoint: list[JSONObject]
    skipped: str = ""
    """Why the regular chat cannot send this history. Then there are no payloads."""

    @property
    def is_same(self) -> bool:
        """True if both sent the same. The order of an object's fields does not matter."""
        return _text_of(self.regular) == _text_of(self.endpoint)

    @property
    def difference(self) -> str:
        """A unified diff from the regular chat to the endpoint. Empty if both sent the same."""
        if self.is_same:
            return ""
        regular, endpoint = (_text_of(_shortened(each)).splitlines() for each in (self.regular, self.endpoint))
        return "\n".join(difflib.unified_diff(regular, endpoint, "regular chat", "endpoint", lineterm=""))


class Unrecorded(BaseUsageRecorder):
    """Stores nothing, so that a comparison leaves no usage records."""

    def open(self, opening: Opening) -> None:
        pass

    def settle(self, entry: Any, outcome: Outcome) -> None:
        pass


def compare(
    chat: RegularChat,
    history: JSONObject,
    *,
    key: str,
    model: str,
    ignored: Collection[str] = IGNORED,
    redirect: Redirect | None = None,
) -> Parity:
    """Send a history through the regular chat and through the endpoint, both to a recorder on loopback.

    `history` is the body of a request without `model`; `key` is an API key that may use `model`. Every backend with the
    option `base_url` or `credentials` is sent to the recorder; `redirect` does that for the host's own clients. No
    usage record is written. Raises `ParityError` if a call fails, or if one side sends nothing to the recorder.
    """
    with PayloadRecorder() as recorder, redirected(recorder.base_url), (redirect or nullcontext)(recorder.base_url):
        try:
            _run(chat, _turn(history, key, model, recorder.base_url))
        except CannotSend as reason:
            return Parity(regular=[], endpoint=[], skipped=str(reason) or "The regular chat cannot send it.")
        regular = _compared(recorder, ignored, "The regular chat")
        _call_endpoint(history, key, model)
        return Parity(regular=regular, endpoint=_compared(recorder, ignored, "The endpoint"))


@contextmanager
def redirected(base_url: str) -> Iterator[None]:
    """Within the block the backends of `THREADLESS` call this address, and no usage record is written."""
    backends = {alias: _aimed(config, base_url) for alias, config in conf.backends.items()}
    recorder = f"{Unrecorded.__module__}.{Unrecorded.__qualname__}"
    changed = {**conf.given, "BACKENDS": backends, "USAGE_RECORDER": recorder}
    with override_settings(THREADLESS=changed), modify_settings(ALLOWED_HOSTS={"append": "testserver"}):
        yield


def _aimed(config: Mapping[str, Any], base_url: str) -> Mapping[str, Any]:
    options = config.get("OPTIONS") or {}
    if options.keys().isdisjoint({"base_url", "credentials"}):
        return config
    kept = {name: value for name, value in options.items() if name not in ("credentials", "headers", "trust_env")}
    return {**config, "OPTIONS": {**kept, "base_url": base_url, "api_key": "parity"}}


def _turn(history: JSONObject, key: str, model: str, base_url: str) -> Turn:
    user, caller = conf.key_adapter().authenticate(key)
    fields = deepcopy(history)
    return Turn(
        model=model, messages=fields.pop("messages"), fields=fields, user=user, caller=caller, base_url=base_url
    )


def _run(chat: RegularChat, turn: Turn) -> None:
    try:
        chat(turn)
    except CannotSend:
        raise
    except Exception as error:
        raise ParityError(f"The regular chat failed: {type(error).__name__}: {error}") from error


def _call_endpoint(history: JSONObject, key: str, model: str) -> None:
    client = CompletionClient(key, raise_request_exception=False)
    body = encode({"model": model, **history})
    path = reverse("threadless:chat-completions")
    response = client.post(path, body, content_type="application/json", secure=True)
    content = b"".join(response)  # to its end, also if it is a stream
    if response.status_code != 200:
        raise ParityError(f"The endpoint answered {response.status_code}: {content[:500].decode(errors='replace')}")


def _compared(recorder: PayloadRecorder, ignored: Collection[str], sender: str) -> list[JSONObject]:
    payloads = recorder.take()
    if not payloads:
        raise ParityError(f"{sender} sent nothing to the recorder. Send your LLM client there with a redirect.")
    return [{name: value for name, value in payload.items() if name not in ignored} for payload in payloads]


def _text_of(payloads: JSONValue) -> str:
    return json.dumps(payloads, indent=2, sort_keys=True, ensure_ascii=False)


def _shortened(value: JSONValue) -> JSONValue:
    if isinstance(value, dict):
        return {name: _shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    if not isinstance(value, str) or len(value) <= _MAX_TEXT:
        return value
    digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{value[:60]}… ({len(value)} characters, SHA-256 {digest}…)"
