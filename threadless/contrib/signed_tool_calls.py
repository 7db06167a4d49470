"""Signs the ids of tool calls, so that a client can answer only calls that a model of this platform has made.

A client holds the conversation, and could add a call of one of the host's tools, with an invented result. Such calls
never go out, so no client has a signature of one. Enable it with the setting `DIALECTS`:
`["threadless.contrib.signed_tool_calls.SignedChatDialect"]`.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, NoReturn

import msgspec
from django.utils.crypto import salted_hmac

from threadless.completions.account import Account
from threadless.completions.fields import AssistantMessage, FunctionMessage, Message, ToolCall, ToolMessage
from threadless.completions.tool_calls import name_of
from threadless.conf import conf
from threadless.dialects.chat import ChatAsked, ChatDialect, ChatEncoder
from threadless.encoding import encode
from threadless.exceptions import InvalidRequest
from threadless.types import Chunk, Completion, JSONObject, Target

_SALT: Final = "threadless.contrib.signed_tool_calls"
_SIGNATURE_BYTES: Final = 16
_SIGNATURE_LENGTH: Final = 22
"""Letters of the signature, without padding."""

_decode_messages = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


class Signer(NamedTuple):
    """Signs for one model or agent, so that a call of another one's tool with the same name is worth nothing here."""

    target_id: str

    def sign(self, call_id: str, name: str) -> str:
        """The id for the client: `<id>-<signature>`."""
        return f"{call_id}-{self._signature(call_id, name, None)}"

    def original(self, signed: str, name: str) -> str | None:
        """The id without its signature; None if it is not one of ours."""
        call_id, given = signed[: -_SIGNATURE_LENGTH - 1], signed[-_SIGNATURE_LENGTH:]
        secrets = [None, *conf.of_django("SECRET_KEY_FALLBACKS", ())]
        expected = [self._signature(call_id, name, secret).encode() for secret in secrets]
        found = [hmac.compare_digest(given.encode(errors="replace"), each) for each in expected]
        return call_id if call_id and any(found) and signed[len(call_id)] == "-" else None

    def _signature(self, call_id: str, name: str, secret: Any) -> str:
        value = encode([self.target_id, call_id, name])
        digest = salted_hmac(_SALT, value, secret, algorithm="sha256").digest()[:_SIGNATURE_BYTES]
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class SignedChatDialect(ChatDialect):
    """Chat completions with signed ids. Upstreams and backends get the ids without signatures."""

    def check(self, asked: ChatAsked, target: Target, backend: Any) -> ChatAsked:
        typed = asked.typed
        asked = super().check(asked, target, backend)
        if typed is not None and (originals := _originals(typed.messages, Signer(target.id))):
            messages = _with_ids(asked.request.fields["messages"], originals)
            fields = {**asked.request.fields, "messages": msgspec.Raw(messages)}
            asked.request = msgspec.structs.replace(asked.request, fields=fields)
        return asked

    def answer(self, result: Completion, account: Account, asked: ChatAsked, target: Target) -> bytes:
        answer = super().answer(result, account, asked, target)
        if b'"tool_calls"' not in answer:
            return answer
        body = msgspec.json.decode(answer)
        for choice in body["choices"]:
            _sign(choice["message"].get("tool_calls") or (), Signer(target.id))
        return encode(body)

    def encoder(self, account: Account, asked: ChatAsked, target: Target) -> ChatEncoder:
        return _SigningEncoder(target, account, wants_usage=asked.wants_usage)


class _SigningEncoder(ChatEncoder):
    """The first delta of a call has its id and its name, and no other has."""

    def _event(self, chunk: Chunk) -> bytes:
        for choice in chunk.get("choices", ()):
            _sign(choice.get("delta", {}).get("tool_calls") or (), Signer(self._target.id))
        return super()._event(chunk)


def _sign(calls: Iterable[JSONObject], signer: Signer) -> None:
    for call in calls:
        if call_id := call.get("id"):
            call["id"] = signer.sign(call_id, name_of(call.get("function") or call.get("custom")))


def _originals(messages: Sequence[Message], signer: Signer) -> dict[str, str]:
    """The ids of all tool calls, and what they were before they were signed. Raises `InvalidRequest` for a forged one.

    The history is consistent: each call is answered by one of the `tool` messages that follow it.
    """
    names: dict[str, str] = {}
    originals: dict[str, str] = {}
    for index, message in enumerate(messages):
        if isinstance(message, AssistantMessage):
            names = {call.id: _name(call) for call in message.tool_calls or ()}
        if isinstance(message, ToolMessage):
            name = names[message.tool_call_id]
            original = signer.original(message.tool_call_id, name)
            if original is None:
                _refuse(f"messages[{index}].tool_call_id", "the tool call was not made by this model or agent")
            if message.name not in (None, name):
                _refuse(f"messages[{index}].name", "the tool call has another name")
            originals[message.tool_call_id] = original
        elif isinstance(message, FunctionMessage):
            _refuse(f"messages[{index}].role", "results of functions without an id are not accepted; use 'tools'")
    return originals


def _name(call: ToolCall) -> str:
    named = call.function or call.custom
    return "" if named is None else named.name


def _with_ids(messages: msgspec.Raw, originals: dict[str, str]) -> bytes:
    """The messages with these ids in place of the signed ones. Everything else stays as it was sent."""
    found = _decode_messages(messages)
    for message in found:
        if "tool_call_id" in message:
            message["tool_call_id"] = _original(message["tool_call_id"], originals)
        if "tool_calls" in message:
            calls = msgspec.json.decode(message["tool_calls"], type=list[dict[str, msgspec.Raw]] | None)
            changed = [{**call, "id": _original(call["id"], originals)} for call in calls or ()]
            message["tool_calls"] = msgspec.Raw(encode(changed))
    return encode(found)


def _original(signed: msgspec.Raw, originals: dict[str, str]) -> msgspec.Raw:
    call_id = msgspec.json.decode(signed)
    return msgspec.Raw(encode(originals.get(call_id, call_id)))


def _refuse(param: str, problem: str) -> NoReturn:
    raise InvalidRequest(f"{param.partition('.')[0]}: {problem}.", param=param)
