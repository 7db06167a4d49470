"""The value objects that extension points exchange. They are frozen and independent of requests.

They are msgspec structs, because creating a frozen dataclass takes ten times as long, and each call creates ten of
them. `msgspec.structs.replace` returns a changed copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec

from threadless.encoding import encode

JSONValue: TypeAlias = Any
"""Anything that JSON can express, and what `threadless.encoding` turns into it: lazy texts, decimals, dates, UUIDs."""
JSONObject: TypeAlias = dict[str, Any]
"""A JSON object whose values are JSON values."""
Chunk: TypeAlias = JSONObject
"""One `chat.completion.chunk` of a stream, as the OpenAI reference describes it."""

TargetKind: TypeAlias = Literal["model", "agent"]
UsageSource: TypeAlias = Literal["upstream", "estimated"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of a key or of an account. 0 allows nothing. None: a key has the settings' limit, an account has none."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrent_calls: int | None = None


PLATFORM_LIMITS: Final = Limits()
"""For a key, the limits of the settings; for an account, no limits."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls and what they may do. On our views, `request.auth` is a `Caller`.

    A host's key adapter may return a subclass with its own fields:
    `class TieredCaller(Caller, frozen=True, kw_only=True)`.
    """

    user_id: Any
    """Primary key of the user; None for a key without a user."""
    key_id: str = ""
    """Primary key of the API key as text; empty for a signed-in session."""
    label: str = ""
    """Name of the key for people; stored in the ledger."""
    account: str = ""
    """The tenant that pays, such as the ID of an organization; stored in the ledger."""
    scopes: frozenset[str] = frozenset()
    allowed_models: frozenset[str] | None = None
    """The models and agents that this key is limited to; None: everything that the user may see."""
    limits: Limits = PLATFORM_LIMITS
    """The limits of this key alone, or of a user without a key."""
    account_limits: Limits = PLATFORM_LIMITS
    """The limits of all keys of the account together. Without an `account` they do not apply."""
    data: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Further values of the host, for its resolver, backend and gates."""

    def __hash__(self) -> int:  # without `data`, whose values may be of any type
        return hash((self.user_id, self.key_id))

    def may_use(self, name: str) -> bool:
        """True unless the key has an allow-list without this model or agent."""
        return self.allowed_models is None or name in self.allowed_models


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A resolved model or agent: where a call goes and what is added to it."""

    id: str
    """The public name, which clients send in `model`."""
    model: str
    """The upstream's own name of the model; never shown to a client."""
    name: str = ""
    """Shown to people who choose a model or agent; empty: the id is shown."""
    description: str = ""
    kind: TargetKind = "model"
    backend: str = "default"
    """Alias in the `BACKENDS` setting."""
    instructions: str = ""
    """Sent before the client's messages as a system message."""
    parameters: Mapping[str, JSONValue] = msgspec.field(default_factory=dict)
    """Values of request fields that the client does not send."""
    tools: Sequence[JSONObject] = ()
    """Tools that are sent before the client's. The client cannot use their names."""
    scope: str = ""
    """A scope that a call needs in addition to `REQUIRED_SCOPE`."""
    owned_by: str = "system"
    created: int = 0
    """Unix time in seconds."""
    price: Mapping[str, JSONValue] | None = None
    """Amounts in `CURRENCY`: `prompt`, `completion` and optionally `cached` and `reasoning` per million tokens, and
    `call` per call. Decimals or strings, never floats. None if unknown."""
    max_output_tokens: int | None = None
    """Maximum number of tokens of one answer; None if unknown. Not sent upstream."""
    data: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Further values of the host, for its backend and gates."""


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Where a call goes and who pays there, for a backend whose upstream account depends on the caller."""

    base_url: str = ""
    """Empty: the `base_url` of the backend's options."""
    api_key: str = ""
    """Sent as a bearer token. Empty: no `Authorization` header."""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:  # without secrets, because error reports show local variables
        return "Credentials()"


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one call. `cached_tokens` are part of the prompt, `reasoning_tokens` of the completion."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    source: UsageSource = "upstream"
    reported_cost_nano: int | None = None
    """The cost that the upstream names itself, in billionths of its currency; None if it names none."""


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """A plain answer: the upstream's `chat.completion` object, unchanged."""

    body: JSONObject

    def __repr__(self) -> str:  # without the text, because error reports show local variables
        return "Completion()"

    @classmethod
    def from_text(cls, text: str, *, usage: JSONObject | None = None) -> Completion:
        """An answer with one assistant message and the finish reason "stop"."""
        message = {"role": "assistant", "content": text}
        body: JSONObject = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        return cls(body=body | ({"usage": usage} if usage else {}))


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One valid request: every top-level field as the JSON bytes that were sent, untouched.

    Bytes, so that numbers beyond float precision and unusual key orders reach the upstream unchanged.
    """

    fields: Mapping[str, msgspec.Raw]
    request_id: str = ""
    """Sent upstream as `X-Request-Id` and stored in the ledger."""

    def __repr__(self) -> str:  # without the text, because error reports show local variables
        return f"ChatRequest(request_id={self.request_id!r})"

    @classmethod
    def build(cls, *, request_id: str = "", **fields: JSONValue) -> ChatRequest:
        """A request from Python values, for a host's own chats: `ChatRequest.build(messages=[…], temperature=0)`."""
        raw = {name: msgspec.Raw(encode(value)) for name, value in fields.items()}
        return cls(fields=raw, request_id=request_id)

    def get(self, name: str, default: JSONValue = None) -> JSONValue:
        """The decoded value of one top-level field."""
        raw = self.fields.get(name)
        return default if raw is None else msgspec.json.decode(raw)
