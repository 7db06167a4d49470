"""What hosts build on, written out: a change here is a change for them, and belongs in the changelog."""

from __future__ import annotations

import importlib
import inspect

import msgspec
import pytest

from threadless.api.authentication import KeyAuthentication, SessionAuthentication
from threadless.api.permissions import HasScope
from threadless.backends.base import BaseChatBackend, payload_of
from threadless.backends.dummy import DummyBackend
from threadless.backends.function import FunctionBackend
from threadless.backends.openai import OpenAIBackend
from threadless.db.connections import release_connections
from threadless.exceptions import APIError
from threadless.keys.adapters import BaseKeyAdapter, ModelKeyAdapter, get_api_key_model
from threadless.keys.models import AbstractAPIKey, APIKeyManager
from threadless.resolvers import BaseResolver, SettingsResolver
from threadless.testing import aread_events, read_events, use_dummy_backend
from threadless.types import Caller, ChatRequest, Completion, Credentials, Limits, Target, Usage
from threadless.usage.hooks import LedgerHook
from threadless.usage.meter import meter
from threadless.usage.recorder import BaseUsageRecorder, DatabaseUsageRecorder, Opening, Outcome

EXPORTS: dict[str, list[str]] = {
    "threadless.models": ["APIKey", "AbstractAPIKey", "UsageRecord"],
    "threadless.backends": ["BaseChatBackend", "backends", "payload_of"],
    "threadless.admin": ["BaseAPIKeyAdmin", "UsageRecordAdmin"],
    "threadless.testing": [
        "AsyncCompletionClient",
        "CompletionClient",
        "Events",
        "aread_events",
        "read_events",
        "use_dummy_backend",
    ],
}

SIGNATURES: dict[object, str] = {
    BaseChatBackend.complete: "(self, request: 'ChatRequest', target: 'Target', caller: 'Caller') -> 'Completion'",
    BaseChatBackend.stream: "(self, request: 'ChatRequest', target: 'Target', caller: 'Caller') -> 'Iterator[Chunk]'",
    BaseChatBackend.check: "(self) -> 'list[CheckMessage]'",
    BaseChatBackend.__init__: "(self, *, alias: 'str' = '') -> 'None'",
    payload_of: "(request: 'ChatRequest', target: 'Target', *, instructions: 'str | None' = None, **fields: 'Any')"
    " -> 'dict[str, msgspec.Raw]'",
    BaseResolver.list: "(self, caller: 'Caller') -> 'Iterable[Target]'",
    BaseResolver.resolve: "(self, name: 'str', caller: 'Caller') -> 'Target'",
    BaseKeyAdapter.authenticate: "(self, secret: 'str') -> 'tuple[Any, Caller]'",
    ModelKeyAdapter.get_key: "(self, secret: 'str') -> 'AbstractAPIKey'",
    ModelKeyAdapter.check_key: "(self, key: 'AbstractAPIKey') -> 'None'",
    ModelKeyAdapter.get_caller: "(self, key: 'AbstractAPIKey') -> 'Caller'",
    ModelKeyAdapter.get_caller_fields: "(self, key: 'AbstractAPIKey') -> 'dict[str, Any]'",
    ModelKeyAdapter.touch: "(self, key: 'AbstractAPIKey') -> 'None'",
    BaseUsageRecorder.open: "(self, opening: 'Opening') -> 'Any'",
    BaseUsageRecorder.settle: "(self, entry: 'Any', outcome: 'Outcome') -> 'None'",
    APIKeyManager.issue: "(self, *, scopes: 'Iterable[str]' = (), created_by: 'Any' = None, **fields: 'Any')"
    " -> 'tuple[KeyT, str]'",
    AbstractAPIKey.revoke: "(self) -> 'None'",
    AbstractAPIKey.set_new_secret: "(self) -> 'str'",
    AbstractAPIKey.rotate: "(self, previous_for: 'timedelta' = datetime.timedelta(0)) -> 'str'",
    LedgerHook.opening_update: "(self, using: 'str', opening: 'Opening') -> 'tuple[Update, str] | None'",
    LedgerHook.settling_update: "(self, using: 'str', state: 'str', outcome: 'Outcome') -> 'Update | None'",
    LedgerHook.opening: "(self, using: 'str', opening: 'Opening') -> 'str | None'",
    LedgerHook.opened: "(self, using: 'str', entry: 'Entry', state: 'str | None') -> 'None'",
    LedgerHook.settling: "(self, using: 'str', entry: 'Entry', state: 'str | None', outcome: 'Outcome', *,"
    " was_interrupted: 'bool') -> 'None'",
    LedgerHook.interrupting: "(self, using: 'str', states: 'Mapping[Entry, str | None]') -> 'None'",
    LedgerHook.sweeping: "(self, using: 'str') -> 'None'",
    LedgerHook.purging: "(self, using: 'str', before: 'date') -> 'None'",
    LedgerHook.erasing: "(self, using: 'str', user_id: 'Any') -> 'None'",
    meter: "(request: 'ChatRequest', target: 'Target', caller: 'Caller', *, operation: 'str' = 'host-chat',"
    " is_stream: 'bool' = False, reservations: 'Mapping[str, Any] | None' = None) -> 'Iterator[Metering]'",
    release_connections: "(*, keep_files: 'bool' = False) -> 'None'",
    get_api_key_model: "() -> 'type[models.Model]'",
    APIError.__init__: "(self, message: 'str', *, param: 'str | None' = None, code: 'str | None' = None,"
    " type: 'str | None' = None, headers: 'Mapping[str, str] | None' = None) -> 'None'",
    read_events: "(response: 'Any') -> 'Events'",
    aread_events: "(response: 'Any') -> 'Events'",
    use_dummy_backend: "(answer: 'str | JSONObject' = 'This is a dummy answer.', *,"
    " chunks: 'list[Chunk] | None' = None, error: 'APIError | None' = None) -> 'Iterator[DummyBackend]'",
}

FIELDS: dict[type[msgspec.Struct], list[str]] = {
    Limits: ["requests_per_minute", "tokens_per_minute", "concurrent_calls"],
    Caller: [
        *("user_id", "key_id", "label", "account", "scopes", "allowed_models", "limits", "account_limits", "data"),
    ],
    Target: [
        *("id", "model", "name", "description", "kind", "backend", "instructions", "parameters", "tools", "scope"),
        *("owned_by", "created", "price", "max_output_tokens", "data"),
    ],
    Credentials: ["base_url", "api_key", "headers"],
    Usage: [
        *("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens", "source"),
        *("reported_cost_nano",),
    ],
    Completion: ["body"],
    ChatRequest: ["fields", "request_id"],
    Opening: [
        *("request_id", "client_request_id", "operation", "caller", "target", "is_stream", "opened_at"),
        *("reservations",),
    ],
    Outcome: [
        *("state", "failure", "has_begun", "has_asked", "finish_reason", "upstream_model", "usage", "tool_calls"),
        *("cost_nano", "first_token_seconds", "duration_seconds"),
    ],
}

SEAMS: dict[type, set[str]] = {
    BaseChatBackend: {"complete"},
    BaseResolver: {"list"},
    BaseKeyAdapter: {"authenticate"},
    BaseUsageRecorder: {"open", "settle"},
}
"""What an implementer must write."""

HEIRS: dict[type, list[type]] = {
    BaseChatBackend: [OpenAIBackend, FunctionBackend, DummyBackend],
    BaseResolver: [SettingsResolver],
    BaseKeyAdapter: [ModelKeyAdapter],
    BaseUsageRecorder: [DatabaseUsageRecorder],
}


def named(value: object) -> str:
    """For test ids."""
    return getattr(value, "__qualname__", str(value))


@pytest.mark.parametrize("module", EXPORTS)
def test_module_exports_what_is_promised(module: str) -> None:
    loaded = importlib.import_module(module)
    assert sorted(loaded.__all__) == sorted(EXPORTS[module])
    assert all(hasattr(loaded, name) for name in loaded.__all__)


@pytest.mark.parametrize("function", SIGNATURES, ids=named)
def test_signature_stays(function: object) -> None:
    assert str(inspect.signature(function)) == SIGNATURES[function]  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", FIELDS, ids=named)
def test_value_object_has_these_fields_by_keyword_and_is_frozen(kind: type[msgspec.Struct]) -> None:
    assert list(kind.__struct_fields__) == FIELDS[kind]
    assert {each.kind for each in inspect.signature(kind).parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert kind.__struct_config__.frozen


@pytest.mark.parametrize("base", SEAMS, ids=named)
def test_seam_asks_for_these_methods(base: type) -> None:
    assert base.__abstractmethods__ == SEAMS[base]  # type: ignore[attr-defined]
    public = {name for name, value in vars(base).items() if callable(value) and not name.startswith("_")}
    assert len(public) <= 5


@pytest.mark.parametrize(("base", "heir"), [(base, heir) for base, heirs in HEIRS.items() for heir in heirs], ids=named)
def test_shipped_class_keeps_to_the_seam(base: type, heir: type) -> None:
    for name in SEAMS[base]:
        wanted, given = (list(inspect.signature(getattr(each, name)).parameters) for each in (base, heir))
        assert given == wanted


@pytest.mark.parametrize(
    ("shipped", "method"),
    [
        (KeyAuthentication, "authenticate"),
        (SessionAuthentication, "authenticate"),
        (HasScope, "has_permission"),
    ],
    ids=named,
)
def test_policy_is_an_ordinary_class_of_drf(shipped: type, method: str) -> None:
    assert callable(getattr(shipped(), method))
    assert any(base.__module__.startswith("rest_framework") for base in shipped.__mro__)
